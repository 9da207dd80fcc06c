import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSystem

/// How an object gets a region of its own, in which it has the empty name: the same for all of them. The region is made
/// with the object in it before anybody can find it.
///
/// Some small objects find room beside it: a mutex's own region has its conditions.
struct OwnRegion {
    private static let spareObjects = 15
    private static let spareByteCount = 64

    let place: SharedMemoryPlace
    let intent: CreationIntent
    let maximumProcesses: Int
    let memory: SharedMemoryOptions

    init(
        _ place: SharedMemoryPlace, _ intent: CreationIntent, _ maximumProcesses: Int, _ memory: SharedMemoryOptions
    ) {
        (self.place, self.intent) = (place, intent)
        (self.maximumProcesses, self.memory) = (maximumProcesses, memory)
    }

    /// The object, and this process's part in its region.
    ///
    /// - Parameters:
    ///   - type: what it is, in a region for so many processes.
    ///   - initialize: writes the first contents of a new one into zeroed memory.
    func open(
        until deadline: Deadline, _ type: (_ slotCount: Int) throws(IPCError) -> SyncObjectType,
        _ initialize: (SharedBytes) -> Void
    ) async throws(IPCError) -> (bytes: SharedBytes, region: SyncRegion) {
        let region = try await SyncRegion(try map(type, initialize), until: deadline)
        return (try object(region, type, initialize), region)
    }

    /// The same on a thread that may block.
    func openBlocking(
        until deadline: Deadline, _ type: (_ slotCount: Int) throws(IPCError) -> SyncObjectType,
        _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> (bytes: SharedBytes, region: SyncRegion) {
        let region = try SyncRegion(blocking: try map(type, initialize), until: deadline)
        return (try object(region, type, initialize), region)
    }

    private func map(
        _ type: (_ slotCount: Int) throws(IPCError) -> SyncObjectType, _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> SharedMemory {
        guard (1...ParticipantLayout.maximumSlotCount).contains(maximumProcesses) else {
            throw IPCError(
                .invalidArgument, "make an object: 1 to \(ParticipantLayout.maximumSlotCount) processes are possible",
                object: place.name)
        }
        let type = try type(maximumProcesses)
        var memory = memory
        // One that is there is as large as its maker wanted it: for other numbers of processes, say.
        memory.takesAnySize = true
        let options = SyncRegionOptions(
            byteCount: ObjectDirectory.byteCount(objects: 1, of: type.byteCount)
                + ObjectDirectory.byteCount(objects: Self.spareObjects, of: Self.spareByteCount),
            maximumObjects: 1 + Self.spareObjects, maximumProcesses: maximumProcesses, memory: memory)
        return try SyncRegion.open(place, intent, options) { directory in
            _ = try? directory.makeObject("", type, initialize)
        }
    }

    private func object(
        _ region: SyncRegion, _ type: (_ slotCount: Int) throws(IPCError) -> SyncObjectType,
        _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> SharedBytes {
        // A region that somebody made for other objects gets this one, too, where that was asked for.
        let intent: CreationIntent = intent == .openOrCreate ? .openOrCreate : .open
        do throws(IPCError) {
            return try region.object("", try type(region.memory.slotCount), intent, initialize)
        } catch {
            throw error.about(region.memory.place.name)
        }
    }
}
