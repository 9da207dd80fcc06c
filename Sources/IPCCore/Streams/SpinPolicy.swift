import IPCSystem

/// Whether a receive looks again before it sleeps, and how: as long as that has paid off lately.
///
/// A wake-up across processors costs several microseconds, so where the peer answers at once, looking again is several
/// times faster than sleeping. On a single processor the peer can only answer when it runs: there the thread yields to it,
/// which is one switch of processes without the way through the poller. Where it does not pay, the policy stops, and tries
/// again once in a while.
package struct SpinPolicy: Sendable {
    /// What to do before the sleep.
    package enum Way: Sendable {
        case sleep, spin, yield
    }

    /// How long to look, in nanoseconds.
    package static let limit: UInt64 = 20_000
    /// How often to yield.
    static let yieldCount = 3
    /// A yield that takes longer, in nanoseconds, went to a process that had other things to do: a sleeper would have been
    /// woken before that process.
    static let longYield: UInt64 = 100_000
    private static let trust = 8
    private static let probeInterval: UInt32 = 32
    private static let longestInterval: UInt32 = 1 << 16

    /// So many hits in a row and others have a turn.
    private static let turn: UInt32 = 16

    private var credit = trust
    private var hits: UInt32 = 0
    private var misses: UInt32 = 0
    private var interval = probeInterval
    /// What `Scheduler.lookAround` knows from the last turn; nil after a pause.
    private var seenJobs: UInt?
    private var wantsBreak = false

    package init() {}

    /// Whether to spin now: for rings, which do not yield.
    package mutating func shouldSpin(_ engine: WaitEngine) -> Bool { way(engine, yields: false) == .spin }

    /// What to do now.
    mutating func way(_ engine: WaitEngine, yields: Bool = true) -> Way {
        let way = engine.maySpin ? Way.spin : .yield
        guard engine.scheduler.isQuiet, way == .spin || yields else { return .sleep }
        if credit > 0 { return way }
        misses &+= 1
        return misses % interval == 0 ? way : .sleep
    }

    /// Records whether spinning brought a message.
    package mutating func record(_ hit: Bool) {
        if hit { credit = Self.trust } else { credit -= 1 }
    }

    /// Counts a hit. When the turn is over others get a look in: what waits at the poller of a worker's thread, which is
    /// served together, several for one sleep; on another thread, by ``takesBreak()``.
    mutating func countHit(_ engine: WaitEngine) {
        hits &+= 1
        guard hits % Self.turn == 0 else { return }
        guard Scheduler.isWorkersThread else {
            wantsBreak = true
            return
        }
        if engine.scheduler.lookAround(&seenJobs) { stop() } else { interval = Self.probeInterval }
    }

    /// Whether the caller now lets other tasks have its thread, once, by `await Task.yield()`: it has found what it wanted
    /// many times in a row without a wait.
    package mutating func takesBreak() -> Bool {
        guard wantsBreak else { return false }
        wantsBreak = false
        interval = Self.probeInterval
        return true
    }

    /// Not for a while, and for longer each time: others need the thread or the processor.
    mutating func stop() {
        credit = 0
        misses = 0
        seenJobs = nil
        interval = min(interval * 2, Self.longestInterval)
    }
}
