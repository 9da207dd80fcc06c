import IPCSystem
import Synchronization

/// The thread that takes care of what the fast path does not pay for: deadlines, cancellation of waits that last, and
/// jobs that run long while nobody polls. It ticks while anything happens and sleeps when nothing does.
package final class Monitor: Sendable {
    /// Nanoseconds from one look to the next.
    private static let tick: UInt64 = 1_000_000
    /// How many recent waits it looks at in one tick, so that many busy channels do not keep it busy too.
    private static let reviewsPerTick = 128
    /// How many ticks it takes at most to look at all of them: what is made for one wait each leaves as fast as it comes.
    private static let ticksPerRound = 32
    /// Ticks without anything to do before it sleeps.
    private static let patience = 20

    /// 1: somebody wants the monitor awake.
    private let call = FutexWord()
    /// When the monitor will look again by itself; `.max` while it sleeps without limit.
    private let nextLook = Atomic<UInt64>(0)
    /// Whether it sleeps until it is called, or is about to.
    let isAsleep = Atomic<Bool>(false)

    init() {}

    /// Sees to it that the monitor looks no later than `instant`.
    func wake(before instant: UInt64) {
        if instant < nextLook.load(ordering: .sequentiallyConsistent) { ring() }
    }

    /// Sees to it that the monitor ticks.
    func wakeIfAsleep() {
        if isAsleep.load(ordering: .sequentiallyConsistent) { ring() }
    }

    private func ring() {
        if call.exchange(expected: 0, desired: 1) { call.wake() }
    }

    /// The life of the monitor's thread.
    func run(timers: TimerHeap, recent: RecentWaits, scheduler: Scheduler) {
        var watched: [(point: WaitPoint, waitCount: UInt)] = []
        var pace = Scheduler.Pace()
        var quietTicks = 0
        var position = 0
        while true {
            let isQuiet = quietTicks >= Self.patience
            timers.sweep(isQuiet: isQuiet)
            sleep(isQuiet: isQuiet, timers: timers) { recent.isEmpty && scheduler.isAtRest }
            if isQuiet { quietTicks = 0 }
            for point in timers.takeDue(MonotonicClock.nanoseconds) { point.signal() }
            recent.takeAll(into: &watched)
            let isBusy = scheduler.observe(&pace) || !watched.isEmpty
            Self.review(&watched, from: &position)
            quietTicks = isBusy ? 0 : quietTicks + 1
        }
    }

    private func sleep(isQuiet: Bool, timers: TimerHeap, isStillQuiet: () -> Bool) {
        if isQuiet { isAsleep.store(true, ordering: .sequentiallyConsistent) }
        let now = MonotonicClock.nanoseconds
        // After `isAsleep` is seen by all: whoever comes now rings, and who came before is seen here.
        var limit = isQuiet && isStillQuiet() ? UInt64.max : now + Self.tick
        nextLook.store(limit, ordering: .sequentiallyConsistent)
        // After `nextLook` is seen by all: a deadline that is armed now rings, and what was armed before is seen here.
        limit = min(limit, timers.earliest.load(ordering: .sequentiallyConsistent))
        nextLook.store(limit, ordering: .sequentiallyConsistent)
        if limit > now { call.wait(while: 0, until: limit) }
        call.store(0)
        isAsleep.store(false, ordering: .sequentiallyConsistent)
    }

    /// Looks at the next few of the recent waits, and drops those that need nothing any more.
    static func review(_ watched: inout [(point: WaitPoint, waitCount: UInt)], from position: inout Int) {
        let reviews = max(reviewsPerTick, watched.count / ticksPerRound)
        for _ in 0..<min(watched.count, reviews) {
            if position >= watched.count { position = 0 }
            if hasSettled(&watched[position]) {
                watched.swapAt(position, watched.count - 1)
                watched.removeLast()
            } else {
                position += 1
            }
        }
    }

    /// Whether the monitor is done with a wait point: it has asked its long wait to be prolonged, or nobody waits there.
    private static func hasSettled(_ entry: inout (point: WaitPoint, waitCount: UInt)) -> Bool {
        let point = entry.point
        let count = point.waitCount.load(ordering: .relaxed)
        let isOccupied = point.isOccupied
        if isOccupied && count != entry.waitCount {
            entry.waitCount = count
            return false
        }
        point.isListed.store(false, ordering: .sequentiallyConsistent)
        if isOccupied {
            point.prolong()
            return true
        }
        // Somebody may have begun to wait before it could see that the point is no longer listed.
        if point.isOccupied && !point.isListed.exchange(true, ordering: .sequentiallyConsistent) { return false }
        return true
    }
}
