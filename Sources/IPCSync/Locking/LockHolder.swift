import IPCCore
import IPCParticipants
import IPCSystem

/// Who has a lock, as it was when it was asked: for people and monitoring. It may be over by now.
public struct LockHolder: Sendable, Hashable {
    /// The process, by its number in the namespace of its own. 0 for a dead one whose place in the region is another's by now.
    public let processID: Int32
    /// Whether it is alive. The lock of a dead one is for the next who wants it.
    public let isAlive: Bool
    /// For how long it has had it, at least: counted from when somebody went to sleep for it, or from when it took the
    /// lock after a wait. Nil when nobody has waited: an uncontended lock does not read the clock.
    public let heldForAtLeast: Duration?
    /// How many wait, about: more than there are when some of them were killed.
    public let waiters: Int
}

extension LockHolder {
    /// Who has the lock whose words are `facts`; nil when it is free.
    init?(_ facts: SharedBytes, _ table: ParticipantTable) {
        let found = facts.word64(LockLayout.owner).loadAcquiring()
        let owner = OwnerWord(rawValue: found)
        guard !owner.isFree else { return nil }
        let since = facts.word64(LockLayout.since).loadRelaxed()
        let now = MonotonicClock.nanoseconds
        let isTimed = found & OwnerWord.sleepersBit != 0 && since != 0 && since <= now
        processID = table.processID(of: owner) ?? 0
        isAlive = !table.isDead(owner)
        heldForAtLeast = isTimed ? .nanoseconds(Int64(clamping: now - since)) : nil
        waiters = Int(facts.word32(LockLayout.waiters).loadRelaxed())
    }
}

extension LockWord {
    /// Who has it; nil when it is free.
    package var holder: LockHolder? { LockHolder(facts, table) }
}

extension ParticipantTable {
    /// The process that an owner word names, dead or alive; nil when its slot is somebody else's by now.
    func processID(of owner: OwnerWord) -> Int32? {
        guard (0..<slotCount).contains(owner.slot) else { return nil }
        let record = record(owner.slot)
        return record.generation & OwnerWord.generationMask == owner.generation ? record.processID : nil
    }
}
