import IPCCore
import IPCSystem
import Synchronization

/// Looking again before a sleep, where it has paid off lately: one for each thing that an object waits for.
///
/// Who is waited for may be off the processor, because senders and receivers are often more than processors. So between the
/// looks the thread gives its processor away (sched_yield(2)), which costs less than a microsecond where nobody wants it; and it
/// stops as soon as that took long, since then somebody else needs it.
final class QueueLook: Sendable {
    private static let trust = 8
    private static let probeInterval = 32
    /// How long to look, in nanoseconds.
    static let limit: UInt64 = 50_000

    private let credit = Atomic<Int>(trust)
    private let misses = Atomic<Int>(0)

    /// Whether `isReady` became true.
    func look(_ isReady: () -> Bool) -> Bool {
        guard WaitEngine.shared.scheduler.isQuiet, isWorthwhile else { return false }
        let end = MonotonicClock.nanoseconds + Self.limit
        repeat {
            for _ in 0..<8 {
                if isReady() {
                    credit.store(Self.trust, ordering: .relaxed)
                    return true
                }
                ProcessorHint.pause()
            }
            ProcessorHint.yield()
        } while MonotonicClock.nanoseconds < end
        if isReady() {
            credit.store(Self.trust, ordering: .relaxed)
            return true
        }
        // Lost updates between threads only change how soon it gives up.
        credit.store(credit.load(ordering: .relaxed) - 1, ordering: .relaxed)
        return false
    }

    private var isWorthwhile: Bool {
        if credit.load(ordering: .relaxed) > 0 { return true }
        return misses.wrappingAdd(1, ordering: .relaxed).newValue % Self.probeInterval == 0
    }
}
