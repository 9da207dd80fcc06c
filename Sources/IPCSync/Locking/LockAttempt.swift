import IPCCore
import IPCParticipants
import IPCSystem

/// One call's way to a lock that was not free: the same steps for threads and tasks, which differ in how they sleep.
struct LockAttempt {
    enum Step: Sendable {
        case taken(previousOwnerDied: Bool)
        /// Something changed: look again.
        case again
        /// The owner is dead, but its threads may not be gone.
        case dead(OwnerWord)
        /// Sleep while the futex and the death count have these values.
        case sleep(UInt32, deathCount: UInt32)
        /// Leave the lock to somebody who has waited for long.
        case giveWay
    }

    /// Nanoseconds after which a waiter asks newcomers to give way, and for which they do.
    static let patience: UInt64 = 1_000_000

    private let lock: LockWord
    private let doing: StaticString
    private let start = MonotonicClock.nanoseconds
    /// Whether it counts itself as a waiter; else whoever made it has done so.
    private let counts: Bool
    /// Looks at a lock that was taken, before the first sleep.
    private var looks: UInt32 = 0
    private var looksAllowed: UInt32
    /// Whether it may sleep for the lock.
    private let waits: Bool
    private var hasSlept = false
    private var hasGivenWay = false
    private var isCounted = false

    init(_ lock: LockWord, _ doing: StaticString, waits: Bool = true, counts: Bool = true) {
        self.lock = lock
        self.counts = counts
        self.doing = doing
        self.waits = waits
        looksAllowed = waits ? lock.local.spins.allowance : 0
    }

    /// Takes the lock if that is possible now, and says what to do if not.
    mutating func step() throws(IPCError) -> Step {
        // First, so that a death after this ends the sleep.
        let deaths = lock.table.deathCount.loadAcquiring()
        KillPoints.pass("sync-lock-looks")
        let found = lock.word.loadAcquiring()
        let me = lock.own.loadRelaxed()
        guard me != 0 else { throw lock.lost(doing) }
        let owner = OwnerWord(rawValue: found)
        if owner.isFree { return takeFree(found, me) }
        if lock.table.isDead(owner) { return takeOver(found, me) }
        if looks < looksAllowed {
            SpinHistory.pause(before: looks)
            looks += 1
            return .again
        }
        // Who does not sleep need not be woken.
        guard waits else { return .sleep(UInt32(truncatingIfNeeded: found), deathCount: deaths) }
        return prepareToSleep(found, deaths)
    }

    private mutating func takeFree(_ found: UInt64, _ me: UInt64) -> Step {
        if !hasSlept && !hasGivenWay && lock.hungry.loadRelaxed() != 0 {
            hasGivenWay = true
            return .giveWay
        }
        // Whoever slept may have taken the wake-up of others: it passes one on when it lets go.
        guard lock.word.replace(found, with: hasSlept ? me | OwnerWord.sleepersBit : me).isDone else { return .again }
        KillPoints.pass("sync-lock-taken")
        if looks > 0 && !hasSlept { lock.local.spins.learn(looks: looks, wasFree: true) }
        if hasSlept { lock.since.storeRelaxed(MonotonicClock.nanoseconds) }
        // Also by one who has given way in vain: who asked for it may be dead.
        if lock.hungry.loadRelaxed() != 0 { lock.hungry.storeRelaxed(0) }
        return .taken(previousOwnerDied: false)
    }

    private func takeOver(_ found: UInt64, _ me: UInt64) -> Step {
        let owner = OwnerWord(rawValue: found)
        guard lock.participant.departure(of: owner) == .gone else { return .dead(owner) }
        KillPoints.pass("sync-take-over-begins")
        guard lock.word.replace(found, with: me | OwnerWord.sleepersBit).isDone else { return .again }
        KillPoints.pass("sync-take-over-done")
        lock.since.storeRelaxed(MonotonicClock.nanoseconds)
        if lock.hungry.loadRelaxed() != 0 { lock.hungry.storeRelaxed(0) }
        return .taken(previousOwnerDied: true)
    }

    private func prepareToSleep(_ found: UInt64, _ deaths: UInt32) -> Step {
        if found & OwnerWord.sleepersBit == 0 {
            // Not when this wait began: the lock may have changed hands since. Before the bit, which says that it is there.
            lock.since.storeRelaxed(MonotonicClock.nanoseconds)
            guard lock.word.replace(found, with: found | OwnerWord.sleepersBit).isDone else { return .again }
            KillPoints.pass("sync-lock-sleepers-bit")
        }
        return .sleep(UInt32(truncatingIfNeeded: found | OwnerWord.sleepersBit), deathCount: deaths)
    }

    /// Before a sleep: the deadline is looked at here, when the sleepers' bit is set, so that a wake-up that this call may
    /// have consumed is passed on by the owner.
    mutating func willSleep(until deadline: Deadline) throws(IPCError) {
        if deadline.hasPassed { throw .timedOut(doing.description) }
        if counts && !isCounted {
            isCounted = true
            lock.countWaiter()
        }
        if !hasSlept { lock.local.spins.learn(looks: looks, wasFree: false) }
        hasSlept = true
        // Whoever was woken finds the lock free, or its new owner had the luck of being there.
        looksAllowed = looks
        KillPoints.pass("sync-lock-sleeps")
    }

    /// After a sleep.
    func didSleep() {
        KillPoints.pass("sync-lock-woke")
        if MonotonicClock.nanoseconds &- start > Self.patience { lock.hungry.storeRelaxed(1) }
    }

    /// The way is over.
    func end() {
        if isCounted { lock.uncountWaiter() }
    }
}

extension LockWord {
    func countWaiter() { waiters.add(1) }

    /// A waiter that was killed has left the number too high; below zero it does not go, whatever a peer wrote.
    func uncountWaiter() {
        if waiters.loadRelaxed() != 0 { waiters.add(UInt32.max) }
    }
}
