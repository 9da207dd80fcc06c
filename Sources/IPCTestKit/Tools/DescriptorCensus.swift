import IPCSystem

/// What a process holds that outlives a mistake: open descriptors, names in /dev/shm, children and zombies.
///
/// Take one before and one after; what the second has more is a leak, or belongs to something that ran meanwhile. proc(5).
public struct DescriptorCensus: Sendable, Hashable {
    /// An open descriptor.
    public struct Descriptor: Sendable, Hashable, CustomStringConvertible {
        /// Its number.
        public let number: Int32
        /// What it is, as /proc/self/fd tells: a path, `pipe:[inode]`, `socket:[inode]`, `anon_inode:[eventpoll]`.
        public let what: String

        /// Number and kind.
        public var description: String { "\(number) \(what)" }
    }

    /// A child of this process.
    public struct Child: Sendable, Hashable, CustomStringConvertible {
        /// Its process id.
        public let processID: Int32
        /// The name of its program, at most 15 bytes.
        public let name: String
        /// Whether it has ended and nobody took its status.
        public let isZombie: Bool

        /// Process id and name.
        public var description: String { "\(isZombie ? "zombie" : "child") \(processID) (\(name))" }
    }

    /// The open descriptors, without those that were open to look, here or by somebody else at the same time.
    public var descriptors: Set<Descriptor>
    /// The names in /dev/shm, of whatever process.
    public var sharedMemoryNames: Set<String>
    /// The children of all threads.
    public var children: Set<Child>

    /// A census of these.
    public init(descriptors: Set<Descriptor>, sharedMemoryNames: Set<String>, children: Set<Child>) {
        self.descriptors = descriptors
        self.sharedMemoryNames = sharedMemoryNames
        self.children = children
    }

    /// What is there now. What /proc does not show is left out.
    public static func take() -> DescriptorCensus {
        DescriptorCensus(
            descriptors: openDescriptors(), sharedMemoryNames: Set(entries(in: "/dev/shm").names),
            children: currentChildren())
    }

    /// What this one has and `earlier` has not.
    public func subtracting(_ earlier: DescriptorCensus) -> DescriptorCensus {
        DescriptorCensus(
            descriptors: descriptors.subtracting(earlier.descriptors),
            sharedMemoryNames: sharedMemoryNames.subtracting(earlier.sharedMemoryNames),
            children: children.subtracting(earlier.children))
    }

    /// What both have.
    public func intersection(_ other: DescriptorCensus) -> DescriptorCensus {
        DescriptorCensus(
            descriptors: descriptors.intersection(other.descriptors),
            sharedMemoryNames: sharedMemoryNames.intersection(other.sharedMemoryNames),
            children: children.intersection(other.children))
    }

    /// Whether it lists nothing.
    public var isEmpty: Bool { descriptors.isEmpty && sharedMemoryNames.isEmpty && children.isEmpty }

    private static func entries(in directory: String) -> (names: [String], own: Int32) {
        (try? DirectoryCalls.names(in: directory)) ?? ([], -1)
    }

    private static func openDescriptors() -> Set<Descriptor> {
        let (names, own) = entries(in: "/proc/self/fd")
        let looking = "/proc/\(ProcessFacts.processID)/fd"
        var found: Set<Descriptor> = []
        for number in names.compactMap({ Int32($0) }) where number != own {
            // Closed since, if it has no destination.
            guard let what = try? FileCalls.destination(of: "/proc/self/fd/\(number)"), what != looking else {
                continue
            }
            found.insert(Descriptor(number: number, what: what))
        }
        return found
    }

    private static func currentChildren() -> Set<Child> {
        var found: Set<Child> = []
        for thread in entries(in: "/proc/self/task").names {
            guard let list = try? TestingCalls.contents(of: "/proc/self/task/\(thread)/children") else { continue }
            for processID in list.split(separator: UInt8(ascii: " ")).compactMap({
                Int32(String(decoding: $0, as: UTF8.self))
            }) {
                guard let child = child(processID) else { continue }
                found.insert(child)
            }
        }
        return found
    }

    /// From `pid (name) state …`; the name may contain anything.
    private static func child(_ processID: Int32) -> Child? {
        guard let status = try? TestingCalls.contents(of: "/proc/\(processID)/stat"),
            let opening = status.firstIndex(of: UInt8(ascii: "(")),
            let closing = status.lastIndex(of: UInt8(ascii: ")")), closing + 2 < status.count
        else { return nil }
        return Child(
            processID: processID, name: String(decoding: status[(opening + 1)..<closing], as: UTF8.self),
            isZombie: status[closing + 2] == UInt8(ascii: "Z"))
    }
}

extension DescriptorCensus: CustomStringConvertible {
    /// One entry after the other, the first twenty.
    public var description: String {
        let lines =
            descriptors.sorted { $0.number < $1.number }.map { "descriptor \($0)" }
            + sharedMemoryNames.sorted().map { "/dev/shm/\($0)" }
            + children.sorted { $0.processID < $1.processID }.map { "\($0)" }
        let rest = lines.count > 20 ? ", and \(lines.count - 20) more" : ""
        return lines.isEmpty ? "nothing" : lines.prefix(20).joined(separator: ", ") + rest
    }
}
