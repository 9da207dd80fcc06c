public import IPCCore
package import IPCParticipants
public import IPCSharedMemory
package import IPCSystem

/// How large a region of objects is, and who may use it.
public struct SyncRegionOptions: Sendable, Hashable {
    /// Bytes for objects. A mutex takes 128 bytes beside its two copies of the value.
    public var byteCount: Int
    /// How many objects it can have.
    public var maximumObjects: Int
    /// How many processes can use it at the same time, at most 960. Some objects look at all of them.
    public var maximumProcesses: Int
    /// Permissions, pages and trust, as for any region.
    public var memory: SharedMemoryOptions

    /// Room for about a hundred objects of a few dozen bytes, and 64 processes.
    public init(
        byteCount: Int = 65536, maximumObjects: Int = 128, maximumProcesses: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions()
    ) {
        self.byteCount = byteCount
        self.maximumObjects = maximumObjects
        self.maximumProcesses = maximumProcesses
        self.memory = memory
    }
}

/// Shared memory with locks and other objects in it, and this process's part in it.
///
/// ```swift
/// let region = try await SyncRegion(at: .named("shop"), .openOrCreate)
/// let stock = try region.mutex("stock", of: Stock.self, initial: Stock())
/// try await stock.withLock { $0.apples -= 1 }
/// ```
///
/// A process takes part from opening until its last handle has gone, with one of the region's places for processes, however
/// often it opens the region; opening takes about 0.1 ms and a thread. Objects live as long as the region.
///
/// - **Death**: what a process held when it was killed, crashed, exited or called exec is for the next who wants it.
/// - **Fork without exec**: handles of the parent's throw `.participantLost` in the child; open the region anew there.
/// - **Trust**: whoever may write the region can break the locks in it.
/// - **Places**: anonymous, named or a file on a local file system. A System V segment is `.unsupported`: locks on bytes of
///   the region's file, which the kernel drops after the last thread of a process, say who comes and goes and when a dead
///   owner's threads are gone. A segment has no file, and nothing else that the kernel drops at that moment.
public final class SyncRegion: Sendable {
    /// The memory that the objects lie in.
    public let memory: SharedMemory
    package let participant: Participant
    let directory: ObjectDirectory

    static let layout = RegionLayout("swift-ipc.sync", version: 1)

    /// Makes or finds a region and takes part in it.
    ///
    /// - Throws: as `SharedMemory` does; `.resourceExhausted` when all places for processes are taken by
    ///   living ones; `.timedOut` and `.cancelled`, mostly because somebody was stopped while he came or went.
    public convenience init(
        at place: SharedMemoryPlace = .anonymous, _ intent: CreationIntent = .create,
        options: SyncRegionOptions = SyncRegionOptions(), until deadline: Deadline = .never
    ) async throws(IPCError) {
        let memory = try Self.open(place, intent, options) { _ in }
        try await self.init(memory, until: deadline)
    }

    /// The same on a thread that may block, and in the child of a fork, where no task runs.
    public convenience init(
        blockingAt place: SharedMemoryPlace, _ intent: CreationIntent = .create,
        options: SyncRegionOptions = SyncRegionOptions(), until deadline: Deadline = .never
    ) throws(IPCError) {
        let memory = try Self.open(place, intent, options) { _ in }
        try self.init(blocking: memory, until: deadline)
    }

    init(_ memory: SharedMemory, until deadline: Deadline) async throws(IPCError) {
        do throws(IPCError) {
            let file = try Self.file(of: memory)
            directory = try ObjectDirectory.find(memory.payload, memory.place.name)
            participant = try await Participant.attach(
                to: memory.memory, file: file, slotCount: memory.slotCount, until: deadline)
        } catch {
            memory.abandon()
            throw error
        }
        self.memory = memory
    }

    init(blocking memory: SharedMemory, until deadline: Deadline) throws(IPCError) {
        do throws(IPCError) {
            let file = try Self.file(of: memory)
            directory = try ObjectDirectory.find(memory.payload, memory.place.name)
            participant = try Participant.attachBlocking(
                to: memory.memory, file: file, slotCount: memory.slotCount, until: deadline)
        } catch {
            memory.abandon()
            throw error
        }
        self.memory = memory
    }

    /// Maps the region; one that is new gets a directory and what `fill` puts into it before anybody can find it.
    static func open(
        _ place: SharedMemoryPlace, _ intent: CreationIntent, _ options: SyncRegionOptions,
        _ fill: (ObjectDirectory) -> Void
    ) throws(IPCError) -> SharedMemory {
        // Before a segment is made that nobody would remove.
        guard !place.isSegment else { throw segmentError(place) }
        // Below what a sum could run over at, and far above what there is.
        guard options.memory.access == .readWrite, (1..<1 << 48).contains(options.byteCount),
            (1..<1 << 40).contains(options.maximumObjects),
            (1...ParticipantLayout.maximumSlotCount).contains(options.maximumProcesses)
        else {
            throw IPCError(
                .invalidArgument,
                "open a region of objects: it is for reading and writing, with room for objects and 1 to "
                    + "\(ParticipantLayout.maximumSlotCount) processes", object: place.name)
        }
        var memory = options.memory
        memory.slotCount = options.maximumProcesses
        let size = options.byteCount + ObjectDirectory.byteCount(objects: options.maximumObjects, of: 0)
        return try SharedMemory(
            at: place, intent, byteCount: intent == .open ? nil : size, layout: layout, options: memory
        ) { bytes in
            fill(ObjectDirectory.make(bytes, objects: options.maximumObjects))
        }
    }

    private static func file(of memory: SharedMemory) throws(IPCError) -> Int32 {
        guard let file = memory.file else { throw segmentError(memory.place) }
        return file.number
    }

    private static func segmentError(_ place: SharedMemoryPlace) -> IPCError {
        IPCError(
            .unsupported,
            "open a region of objects: a System V segment has no file, whose locks tell when a process is gone; take a "
                + "named region", object: place.name)
    }

    /// The names of the objects, in no order. The one of an object's own region is empty.
    public var names: [String] { directory.objects.map(\.name) }

    /// The objects of the region, in no order.
    public var objects: [SyncObjectListing] { directory.objects }

    /// The object of that name.
    ///
    /// - Parameter initialize: writes the first contents into zeroed memory, if it may be made. Nobody sees it before.
    package func object(
        _ name: String, _ type: SyncObjectType, _ intent: CreationIntent, _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> SharedBytes {
        guard name.utf8.count <= ObjectDirectory.maximumNameLength, !name.utf8.contains(0) else {
            throw IPCError(
                .invalidName, "name \(type.name): up to \(ObjectDirectory.maximumNameLength) bytes without a zero byte",
                object: name)
        }
        guard intent != .open else {
            if let object = try directory.object(name, type) { return object }
            throw IPCError(.notFound, "open \(type.name): the region has no object of that name", object: name)
        }
        let (object, wasCreated) = try directory.makeObject(name, type, initialize)
        guard wasCreated || intent == .openOrCreate else {
            throw IPCError(.alreadyExists, "make \(type.name): the region has an object of that name", object: name)
        }
        return object
    }
}
