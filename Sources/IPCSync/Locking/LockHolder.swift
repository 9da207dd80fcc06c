import IPCCore
import IPCParticipants
import IPCSystem

/// Who has a lock, as it was when it was asked: for people and monitoring. It may be over by now.
public struct LockHolder: Sendable, Hashable {
    /// The process, by its number in the namespace of its own.
    public let processID: Int32
    /// Whether it is alive. The lock of a dead one is for the next who wants it.
    public let isAlive: Bool
    /// For how long it has had it, at least: counted from when somebody began to wait for it, or from when it took the
    /// lock after a wait. Nil when nobody has waited: an uncontended lock does not read the clock.
    public let heldForAtLeast: Duration?
    /// How many wait, about: more than there are when some of them were killed.
    public let waiters: Int
}

extension LockWord {
    /// Who has it; nil when it is free.
    package var holder: LockHolder? {
        let found = word.loadAcquiring()
        let owner = OwnerWord(rawValue: found)
        guard !owner.isFree else { return nil }
        let record = (0..<table.slotCount).contains(owner.slot) ? table.record(owner.slot) : nil
        let since = since.loadRelaxed()
        let now = MonotonicClock.nanoseconds
        let isTimed = found & OwnerWord.sleepersBit != 0 && since != 0 && since <= now
        return LockHolder(
            processID: record?.processID ?? 0, isAlive: !table.isDead(owner),
            heldForAtLeast: isTimed ? .nanoseconds(Int64(clamping: now - since)) : nil,
            waiters: Int(waiters.loadRelaxed()))
    }
}
