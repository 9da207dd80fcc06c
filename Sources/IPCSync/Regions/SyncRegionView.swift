import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSystem

/// A look at the objects of a region without taking part in it: for tools and tests.
package struct SyncRegionView {
    private let memory: SharedMemory
    private let directory: ObjectDirectory

    /// Maps the region in the file at `path`.
    package init(_ path: String) throws(IPCError) {
        memory = try SyncRegion.open(.file(path), .open, SyncRegionOptions()) { _ in }
        directory = try ObjectDirectory.find(memory.payload, path)
    }

    /// The process that has the mutex of that name; nil when it is free or not there.
    package func holder<Value: PlainData>(_ name: String, _ type: Value.Type) -> Int32? {
        guard let layout = try? SyncObjectType.mutex(of: type), let bytes = try? directory.object(name, layout) else {
            return nil
        }
        let owner = OwnerWord(rawValue: bytes.word64(LockLayout.owner).loadAcquiring())
        let table = ParticipantTable(memory.memory.bytes, slotCount: memory.slotCount)
        guard table.isLive(owner) else { return nil }
        return table.record(owner.slot).processID
    }
}
