import IPCSystem

extension WorkerPool {
    /// Takes no more tasks, and waits until those that were handed in are done: a graceful end.
    ///
    /// What is handed in from now on fails with `.closed`, and so does what a `map` that is under way has not handed in yet:
    /// let it end first. Without this, the end of the pool's scope cancels what still runs.
    ///
    /// - Throws: `.timedOut` or `.cancelled` while there are still tasks. The pool stays closed for new ones.
    public func drain(until deadline: Deadline = .never) async throws(IPCError) {
        let point = WaitEngine.shared.makeWaitPoint()
        shared.withLock { shared in
            shared.drainers.append(point)
            if shared.dispatcher.refusal == nil {
                shared.dispatcher.refusal = IPCError(.closed, "run a task: the pool is being drained and takes no more")
            }
        }
        defer { shared.withLock { $0.drainers.removeAll { $0 === point } } }
        while shared.withLock({ $0.dispatcher.openCount > 0 }) {
            try await point.wait(until: deadline, "drain a pool")
        }
    }

    func signalDrainers() {
        for point in shared.withLock({ $0.drainers }) { point.signal() }
    }
}
