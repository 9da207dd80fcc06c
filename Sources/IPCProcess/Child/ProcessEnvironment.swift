import IPCSystem

/// The environment variables of a child. environ(7).
public struct ProcessEnvironment: Sendable, Hashable {
    private var inherits: Bool
    private var changes: [String: String?]

    /// The variables of this process, as they are when the child is started.
    public static let inherit = ProcessEnvironment(inherits: true, changes: [:])

    /// These variables and no other.
    public static func custom(_ variables: [String: String]) -> ProcessEnvironment {
        ProcessEnvironment(inherits: false, changes: variables.mapValues { $0 })
    }

    /// The same with some variables set, or removed where the value is nil.
    public func updating(_ variables: [String: String?]) -> ProcessEnvironment {
        ProcessEnvironment(inherits: inherits, changes: changes.merging(variables) { _, new in new })
    }

    /// The entries as they go to the child. The variable that hands over endpoints is never inherited: the descriptors
    /// that it names are not.
    func resolve() throws(IPCError) -> ResolvedEnvironment {
        var entries: [[UInt8]] = []
        if inherits {
            let changed = Set(changes.keys.map { Array($0.utf8) })
            entries = EnvironmentCalls.entries.filter { entry in
                let name = entry.prefix { $0 != UInt8(ascii: "=") }
                return !changed.contains(Array(name)) && !name.elementsEqual(InheritedEndpoints.variable.utf8)
            }
        }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            guard let value else { continue }
            let text = "\(name)=\(value)"
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !text.utf8.contains(0) else {
                throw IPCError(
                    .invalidArgument,
                    "start a program: a variable's name must not be empty or contain =, and nothing a zero byte",
                    object: name)
            }
            entries.append(Array(text.utf8))
        }
        return ResolvedEnvironment(entries: entries)
    }
}

/// The entries of an environment, `NAME=value` each.
struct ResolvedEnvironment {
    var entries: [[UInt8]]

    /// The value of the first entry of that name.
    func value(of name: String) -> String? {
        let prefix = Array(name.utf8) + [UInt8(ascii: "=")]
        guard let entry = entries.first(where: { $0.starts(with: prefix) }) else { return nil }
        return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
    }

    mutating func set(_ name: String, _ value: String) {
        entries.append(Array("\(name)=\(value)".utf8))
    }
}
