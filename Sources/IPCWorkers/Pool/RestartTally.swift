/// Counts deaths of workers against the limit.
struct RestartTally: Sendable {
    private let limit: WorkerPoolOptions.RestartLimit
    private var deaths = ArrayQueue<ContinuousClock.Instant>()

    init(_ limit: WorkerPoolOptions.RestartLimit) {
        self.limit = limit
    }

    /// Notes a death.
    ///
    /// - Returns: whether the worker may be replaced.
    mutating func permits(at now: ContinuousClock.Instant) -> Bool {
        while let oldest = deaths.first, now - oldest > limit.interval { _ = deaths.popFirst() }
        guard deaths.count < limit.count else { return false }
        deaths.append(now)
        return true
    }

    /// What a pool fails with that has reached the limit.
    func error(_ last: IPCError) -> IPCError {
        IPCError(
            .restartLimitReached,
            "run a task: workers died more than \(limit.count) times in \(limit.interval), so they are not replaced any "
                + "more; find out why they die, or raise restartLimit. The last time: \(last.message)",
            object: last.object, detail: last.detail)
    }
}
