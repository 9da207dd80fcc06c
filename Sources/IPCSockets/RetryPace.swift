import IPCCore

/// How long to wait between attempts: twice as long each time, up to a limit.
struct RetryPace {
    private var next: Duration
    private let limit: Duration

    init(first: Duration, limit: Duration) {
        next = first
        self.limit = limit
    }

    /// Waits until the next attempt is due, or `point` gets a hint.
    ///
    /// - Throws: `.timedOut` when `deadline` has passed, `.cancelled`.
    mutating func pause(at point: WaitPoint, until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        let due = Deadline.after(next)
        next = min(next * 2, limit)
        do throws(IPCError) {
            try await point.wait(until: min(due, deadline), doing)
        } catch {
            guard error.code == .timedOut, !deadline.hasPassed else { throw error }
        }
    }
}
