package import IPCCore
import IPCParticipants
package import IPCSharedMemory
import IPCSystem

/// A look at a region of objects and who has what in it, for tools and tests. It takes no part: no place for a process is
/// taken, no lock, nothing is written, and nobody is waited for. It is a copy, so what it says may be over by now.
package struct SyncRegionView: Sendable {
    private let region: RegionLook
    private let directory: ObjectDirectory
    private let table: ParticipantTable

    /// Copies the region at `place`.
    ///
    /// - Throws: `.notFound`, `.permissionDenied`, `.invalidName`; `.typeMismatch`, `.wrongVersion` and `.wrongMagic` for
    ///   what is no region of objects; `.protocolViolation` for one that contradicts itself; `.truncated` for one that
    ///   somebody cut short; `.resourceExhausted` above 1 GiB; `.unsupported` for places without a path.
    package init(at place: SharedMemoryPlace) throws(IPCError) {
        region = try RegionLook(at: place, of: SyncRegion.layout)
        guard region.slotCount > 0 else {
            throw IPCError(
                .protocolViolation, "look at a region of objects: it has no places for processes", object: place.name)
        }
        directory = try ObjectDirectory.find(region.payload, place.name)
        table = ParticipantTable(region.memory.bytes, slotCount: region.slotCount)
    }

    /// How many processes can take part at the same time.
    package var maximumProcesses: Int { region.slotCount }

    /// The processes that take part, and those that died and whose places nobody has taken since.
    package var participants: [SyncParticipantFacts] {
        table.records.filter { $0.state != .free }.map { SyncParticipantFacts($0) }
    }

    /// The objects by name.
    package var objects: [SyncObjectFacts] {
        directory.entries.map { SyncObjectFacts($0.name, $0.kind, $0.bytes, table) }
            .sorted { ($0.name, $0.kind) < ($1.name, $1.kind) }
    }

    /// The living process that has the lock of that name; nil when it is free or not there.
    package func holder(_ name: String) -> Int32? {
        guard let entry = directory.entries.first(where: { $0.name == name }),
            entry.bytes.contains(0, LockLayout.byteCount)
        else { return nil }
        let owner = OwnerWord(rawValue: entry.bytes.word64(LockLayout.owner).loadAcquiring())
        return table.isLive(owner) ? table.processID(of: owner) : nil
    }
}

/// A process that takes part in a region, or did until it died.
package struct SyncParticipantFacts: Sendable, Equatable {
    /// Its place in the region's table.
    package let slot: Int
    /// Its number in the namespace of its own.
    package let processID: Int32
    package let isAlive: Bool
    /// Whether its number means the same here: it lives in this process's own namespace of numbers.
    package let isOfThisNamespace: Bool
    /// Since when it takes part; nil when the clock says otherwise, as after a reboot.
    package let age: Duration?

    init(_ record: ParticipantRecord) {
        slot = record.slot
        processID = record.processID
        isAlive = record.state == .live
        isOfThisNamespace = record.namespace == KernelFacts.processNamespace
        let now = MonotonicClock.nanoseconds
        age = record.arrival <= now ? .nanoseconds(Int64(clamping: now - record.arrival)) : nil
    }
}
