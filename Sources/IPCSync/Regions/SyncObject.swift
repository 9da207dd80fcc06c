public import IPCCore
public import IPCSharedMemory
import IPCSystem

/// What kind of object lies in a region.
public struct SyncObjectKind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The number in the region.
    public let rawValue: UInt32

    /// The kind with this number; another than those here is one of another module or program.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A ``ProcessMutex``.
    public static let mutex = SyncObjectKind(rawValue: 1)
    /// A ``ProcessLock``.
    public static let lock = SyncObjectKind(rawValue: 2)
    /// A ``ProcessCondition``.
    public static let condition = SyncObjectKind(rawValue: 3)
    /// A ``ProcessEvent`` that stays set.
    public static let manualEvent = SyncObjectKind(rawValue: 10)
    /// A ``ProcessEvent`` that resets itself.
    public static let automaticEvent = SyncObjectKind(rawValue: 11)
    /// A ``ProcessLatch``.
    public static let latch = SyncObjectKind(rawValue: 12)
    /// A ``ProcessOnce``.
    public static let once = SyncObjectKind(rawValue: 13)
    /// A ``LeaderElection``.
    public static let election = SyncObjectKind(rawValue: 14)
    /// A ``ProcessSemaphore`` that does not know who has its permits.
    public static let plainSemaphore = SyncObjectKind(rawValue: 15)
    /// A ``ProcessSemaphore`` to which the permits of the dead return.
    public static let leasedSemaphore = SyncObjectKind(rawValue: 16)
    /// A ``ProcessReadWriteLock``.
    public static let readWriteLock = SyncObjectKind(rawValue: 17)
    /// A ``ProcessBarrier``.
    public static let barrier = SyncObjectKind(rawValue: 18)

    private static let names: [SyncObjectKind: String] = [
        .mutex: "mutex", .lock: "lock", .condition: "condition", .manualEvent: "manual event",
        .automaticEvent: "automatic event", .latch: "latch", .once: "once", .election: "election",
        .plainSemaphore: "plain semaphore", .leasedSemaphore: "leased semaphore", .readWriteLock: "read-write lock",
        .barrier: "barrier",
    ]

    /// What people call it.
    public var description: String { Self.names[self] ?? "kind \(rawValue)" }
}

/// An object that was found in a region.
public struct SyncObjectListing: Sendable, Hashable {
    /// Its name; empty for the object of a region of its own.
    public var name: String
    /// What it is.
    public var kind: SyncObjectKind
    /// How many bytes it takes.
    public var byteCount: Int
}

/// A region of objects that was found on this machine.
public struct SyncRegionListing: Sendable, Hashable {
    /// The memory: its name, its owner, whether it is in use.
    public var memory: SharedMemoryListing
    /// What lies in it, in no order; nil when this process may not look, the region belongs to another user, has more than 64 MiB,
    /// or was cut short.
    public var objects: [SyncObjectListing]?
}

/// An object of a ``SyncRegion`` that may also have one of its own, and so be anonymous or have a name for itself.
public protocol SyncObject: AnyObject, Sendable {
    /// The region that it lies in.
    var region: SyncRegion { get }
    /// What listings call such an object.
    static var objectKinds: Set<SyncObjectKind> { get }
}

extension SyncObject {
    /// Removes the name of an object with a region of its own. Those who have it open keep it, and whoever makes one of that
    /// name later has another one.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`; `.unsupported` for the anonymous place.
    public static func remove(_ place: SharedMemoryPlace) throws(IPCError) { try SyncRegion.remove(place) }

    /// The named objects of this type with a region of their own on this machine, as far as this process may look. Files
    /// are not listed: they may be anywhere.
    ///
    /// - Throws: `.notFound` when /dev/shm is not mounted; what the system says.
    public static func list() throws(IPCError) -> [SharedMemoryListing] {
        try SyncRegion.list().filter { region in
            region.objects?.contains { $0.name.isEmpty && objectKinds.contains($0.kind) } ?? false
        }.map(\.memory)
    }
}

extension SyncRegion {
    /// Removes the name of a region. Those who have it open keep it; the objects go with the last of them.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`; `.unsupported` for the anonymous place.
    public static func remove(_ place: SharedMemoryPlace) throws(IPCError) { try SharedMemory.remove(place) }

    /// The named regions of objects on this machine, whoever made them. Files are not listed: they may be anywhere.
    ///
    /// - Throws: `.notFound` when /dev/shm is not mounted; what the system says.
    public static func list() throws(IPCError) -> [SyncRegionListing] {
        try SharedMemory.list().filter { $0.layout == layout }.map {
            SyncRegionListing(memory: $0, objects: objects(of: $0))
        }
    }

    /// Bytes of a region that a list copies.
    private static let largestCopy = 64 << 20

    /// Those of a region that belongs to this user or to root: others may write what they like into theirs. From a copy, since
    /// whoever has a region may cut it short while it is read.
    private static func objects(of region: SharedMemoryListing) -> [SyncObjectListing]? {
        guard [0, ProcessFacts.effectiveUser].contains(region.owner), region.byteCount <= largestCopy,
            let copy = try? RegionLook(at: region.place, of: layout),
            let directory = try? ObjectDirectory.find(copy.payload, region.name)
        else { return nil }
        return withExtendedLifetime(copy) { directory.objects }
    }
}
