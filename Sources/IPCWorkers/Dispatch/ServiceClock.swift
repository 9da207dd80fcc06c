/// How many tasks may be on their way to one worker: some four milliseconds of work, measured, so that short tasks travel in
/// large batches and long ones wait where any worker can take them.
///
/// With one millisecond workers ran dry: where they keep all processors busy, it takes longer than that until the pool's
/// process gets one to give out more.
struct ServiceClock: Sendable {
    static let maximumWindow = 256
    /// Nanoseconds of work that may lie before a worker.
    private static let target: UInt64 = 4_000_000
    /// Behind a task that takes so long nothing is sent: the worker would hand it back.
    private static let longTask: UInt64 = 1_000_000

    private(set) var window = 2
    private var busySince: UInt64 = 0

    /// The worker got work when it had none.
    mutating func began(at now: UInt64) { busySince = now }

    /// The worker answered `count` tasks.
    mutating func answered(_ count: Int, at now: UInt64) {
        guard count > 0 else { return }
        let each = max(1, (now > busySince ? now - busySince : 0) / UInt64(count))
        busySince = now
        let wanted = each > Self.longTask ? 1 : 1 + Int(clamping: Self.target / each)
        window = min(wanted, window * 2, Self.maximumWindow)
    }

    /// The worker handed tasks back because one takes long: nothing waits behind it until it has answered.
    mutating func stalled() { window = 1 }
}
