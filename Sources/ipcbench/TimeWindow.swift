import Synchronization

/// The time in which operations count, the same for all channels of a measurement: it opens when enough of them have been
/// made to warm up, and closes after a fixed time.
final class TimeWindow: Sendable {
    private let warmUpLeft: Atomic<Int>
    private let nanoseconds: UInt64
    private let startInstant = Atomic<UInt64>(.max)
    private let endInstant = Atomic<UInt64>(.max)

    /// A window of `nanoseconds` after `warmUp` operations.
    init(warmUp: Int, nanoseconds: UInt64) {
        warmUpLeft = Atomic(warmUp)
        self.nanoseconds = nanoseconds
    }

    var start: UInt64 { startInstant.load(ordering: .acquiring) }
    var end: UInt64 { endInstant.load(ordering: .relaxed) }

    /// Whether the operation that ended at `now` counts.
    func counts(_ now: UInt64) -> Bool {
        let end = end
        if end == .max {
            noteWarmUp(now)
            return false
        }
        return now <= end
    }

    private func noteWarmUp(_ now: UInt64) {
        guard warmUpLeft.subtract(1, ordering: .relaxed).newValue == 0 else { return }
        startInstant.store(now, ordering: .releasing)
        endInstant.store(now + nanoseconds, ordering: .releasing)
    }
}
