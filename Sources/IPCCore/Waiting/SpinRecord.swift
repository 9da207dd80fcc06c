import IPCSystem
import Synchronization

/// Whether looking again for a few microseconds before a sleep has paid off lately: one for each object that is waited
/// on, shared by all who wait. See `SpinPolicy`, which is the same for one task at a time.
package final class SpinRecord: Sendable {
    private static let trust = 8
    private static let probeInterval = 32

    private let credit = Atomic<Int>(trust)
    private let misses = Atomic<Int>(0)

    package init() {}

    /// Looks for up to 20 microseconds whether `isReady`, where there is a second processor and nothing else waits for
    /// this thread.
    ///
    /// - Returns: whether it became ready.
    package func spin(_ engine: WaitEngine, _ isReady: () -> Bool) -> Bool {
        guard engine.maySpin, engine.scheduler.isQuiet, isWorthwhile else { return false }
        let limit = MonotonicClock.nanoseconds + SpinPolicy.limit
        repeat {
            for _ in 0..<16 {
                if isReady() {
                    credit.store(Self.trust, ordering: .relaxed)
                    return true
                }
                ProcessorHint.pause()
            }
        } while MonotonicClock.nanoseconds < limit
        // Lost updates between threads only change how soon it gives up.
        credit.store(credit.load(ordering: .relaxed) - 1, ordering: .relaxed)
        return false
    }

    private var isWorthwhile: Bool {
        if credit.load(ordering: .relaxed) > 0 { return true }
        return misses.wrappingAdd(1, ordering: .relaxed).newValue % Self.probeInterval == 0
    }
}
