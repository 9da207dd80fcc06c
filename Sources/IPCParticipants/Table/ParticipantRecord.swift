import IPCSystem

/// What a table says of one slot, for people and tests: it may be over when it is looked at.
package struct ParticipantRecord: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Nobody is there.
        case free
        case live
        /// The kernel says that the participant is dead; the next one may have the slot.
        case dead
    }

    package let slot: Int
    package let state: State
    /// That of the participant, or of the last one that there was; 0 when there was none.
    package let generation: UInt64
    /// Whether the death has been made known to those who sleep.
    package let isAnnounced: Bool
    /// The number of its process, in the namespace of its own.
    package let processID: Int32
    /// The inode of that namespace.
    package let namespace: UInt64
    /// When it came, in nanoseconds of CLOCK_MONOTONIC.
    package let arrival: UInt64
}

extension ParticipantTable {
    /// All slots, as they are now.
    package var records: [ParticipantRecord] { (0..<slotCount).map(record) }

    /// The slot `index`, as it is now.
    package func record(_ index: Int) -> ParticipantRecord {
        let slot = slot(index)
        let token = ParticipantToken(slot.token.loadAcquiring())
        let generation = slot.generation.loadAcquiring()
        return ParticipantRecord(
            slot: index, state: token.isFree ? .free : token.isDead ? .dead : .live, generation: generation,
            isAnnounced: slot.announced.loadAcquiring() >= generation,
            processID: Int32(bitPattern: slot.processID.loadRelaxed()),
            namespace: slot.namespace.loadRelaxed(), arrival: slot.arrival.loadRelaxed())
    }
}
