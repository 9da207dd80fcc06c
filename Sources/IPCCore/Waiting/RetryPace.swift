import IPCSystem

/// How long to wait between attempts: twice as long each time, up to a limit.
package struct RetryPace {
    private var next: Duration
    private let limit: Duration

    package init(first: Duration, limit: Duration) {
        next = first
        self.limit = limit
    }

    /// Waits until the next attempt is due, or `point` gets a hint.
    ///
    /// - Throws: `.timedOut` when `deadline` has passed, `.cancelled`.
    package mutating func pause(at point: WaitPoint, until deadline: Deadline, _ doing: StaticString)
        async throws(IPCError)
    {
        let due = Deadline.after(next)
        next = min(next * 2, limit)
        do throws(IPCError) {
            try await point.wait(until: min(due, deadline), doing)
        } catch {
            guard error.code == .timedOut, !deadline.hasPassed else { throw error }
        }
    }

    /// The same on a thread that may block. - Throws: `.timedOut`.
    package mutating func pauseBlocking(until deadline: Deadline, _ doing: StaticString) throws(IPCError) {
        if deadline.hasPassed { throw .timedOut("\(doing)") }
        let due = min(Deadline.after(next), deadline)
        next = min(next * 2, limit)
        FutexWord().wait(while: 0, until: due.nanoseconds)
    }
}
