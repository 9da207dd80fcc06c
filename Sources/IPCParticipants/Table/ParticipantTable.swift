import IPCCore
package import IPCSystem

/// The participants of a region: a view of the table in mapped memory, which its user keeps mapped.
///
/// The truth about a death is the token of the slot, which the kernel writes. Keepers, the death count and wake-ups only
/// make it known sooner; each sleep ends by itself after a while (``backstop``), so even a lost wake-up is a delay.
///
/// Whatever stands in the memory is read once and checked: a hostile writer can break locks, but trap nobody.
package struct ParticipantTable: Sendable {
    /// The longest sleep without a look at what it waits for, in nanoseconds.
    package static var backstop: UInt64 { Backstop.limit(400_000_000) }

    let bytes: SharedBytes
    package let slotCount: Int
    /// Counts announced deaths and departures. Read it, acquiring, *before* looking at what a sleep is for.
    package let deathCount: SharedWord32
    let rosterEpoch: SharedWord32

    /// A view of the table in a region of at least `ParticipantLayout.byteCount(slotCount:)` bytes.
    package init(_ bytes: SharedBytes, slotCount: Int) {
        precondition(
            (1...ParticipantLayout.maximumSlotCount).contains(slotCount)
                && bytes.contains(0, ParticipantLayout.byteCount(slotCount: slotCount)), "no room for the table")
        self.bytes = bytes
        self.slotCount = slotCount
        deathCount = bytes.word32(ParticipantLayout.deathCount)
        rosterEpoch = bytes.word32(ParticipantLayout.rosterEpoch)
    }

    func slot(_ index: Int) -> ParticipantSlot { ParticipantSlot(bytes, index) }

    /// Whether the owner that a lock word names is gone: dead, or detached. Load the word, acquiring, before.
    ///
    /// "Alive" may be late; then the death count has not moved yet, or moves after it was read. "Dead" is final, but
    /// before taking over see `Participant.departure(of:)`: a thread of the dead process may be on its way to the kernel
    /// still. A word that names a slot outside of the table has no owner that could ever let go: dead.
    package func isDead(_ owner: OwnerWord) -> Bool {
        guard (0..<slotCount).contains(owner.slot) else { return !owner.isFree }
        let slot = slot(owner.slot)
        let token = ParticipantToken(slot.token.loadAcquiring())
        let generation = slot.generation.loadAcquiring() & OwnerWord.generationMask
        return generation != owner.generation || !token.isLive
    }

    /// Whether the participant that a lock word names is still there.
    package func isLive(_ owner: OwnerWord) -> Bool { !owner.isFree && !isDead(owner) }

    /// The slots with a live participant.
    package var liveCount: Int { (0..<slotCount).count { ParticipantToken(slot($0).token.loadAcquiring()).isLive } }
}

/// The words of one slot.
struct ParticipantSlot {
    let token: SharedWord32
    let processID: SharedWord32
    let generation: SharedWord64
    let announced: SharedWord64
    let arrival: SharedWord64
    let namespace: SharedWord64
    /// The generation that holds the lock of its life.
    let held: SharedWord64
    /// The highest generation that is known to be gone with all its threads.
    let gone: SharedWord64
    /// Where the slot is, in bytes from the start of the region.
    let offset: Int

    init(_ bytes: SharedBytes, _ index: Int) {
        offset = ParticipantLayout.byteCount(slotCount: index)
        token = bytes.word32(offset + ParticipantLayout.token)
        processID = bytes.word32(offset + ParticipantLayout.processID)
        generation = bytes.word64(offset + ParticipantLayout.generation)
        announced = bytes.word64(offset + ParticipantLayout.announced)
        arrival = bytes.word64(offset + ParticipantLayout.arrival)
        namespace = bytes.word64(offset + ParticipantLayout.namespace)
        held = bytes.word64(offset + ParticipantLayout.held)
        gone = bytes.word64(offset + ParticipantLayout.gone)
    }
}
