import IPCSystem

/// How often something is read again that changed while it was read: 10,000 times, and for no longer than 100 ms if one
/// reading takes long. The first reading costs no look at the clock.
struct LookLimit {
    private static let maximumTries = 10_000
    /// So many are allowed however long they take: a reader may be stopped or preempted during one.
    private static let certainTries = 8
    private static let maximumNanoseconds: UInt64 = 100_000_000

    private var tries = 0
    private var began: UInt64 = 0
    /// Whether half of the time is over.
    private(set) var isLate = false

    /// Counts a reading that failed.
    ///
    /// - Returns: whether to read again.
    mutating func allowsAnother() -> Bool {
        tries += 1
        let now = MonotonicClock.nanoseconds
        if tries == 1 { began = now }
        let elapsed = now &- began
        isLate = elapsed > Self.maximumNanoseconds / 2
        return tries < Self.maximumTries && (tries < Self.certainTries || elapsed < Self.maximumNanoseconds)
    }
}
