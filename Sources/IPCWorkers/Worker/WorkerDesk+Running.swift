// What concerns the task that runs: its limits, its items, its progress.
extension WorkerDesk {
    /// Whether this process has to end itself for the task that runs. The owner does so before it lets go of the lock, so
    /// that no other task has begun by then.
    func verdict(at now: UInt64, grace: UInt64?, memoryLimit: Int?, memory: Int) -> WorkerVerdict? {
        guard running != nil else { return nil }
        if let limit = runningTimeLimit, now > runningSince, now - runningSince >= limit { return .timeLimit }
        if let grace, let since = cancelledSince, now > since, now - since >= grace { return .cancellation }
        if let memoryLimit, memory > memoryLimit { return .memory(byteCount: memory) }
        return nil
    }

    // MARK: Items

    enum Credit: Sendable, Equatable {
        /// The item with this number may go.
        case granted(UInt64)
        case none
        /// The task is over.
        case over
    }

    mutating func takeCredit(for id: UInt64) -> Credit {
        guard running == id else { return .over }
        guard credit > 0 else { return .none }
        credit -= 1
        defer { itemCount += 1 }
        return .granted(itemCount)
    }

    mutating func arrivedCredit(_ count: UInt32, for id: UInt64) {
        if running == id { credit += UInt64(count) }
    }

    /// Somebody who waits for credit may read the channel itself, if nobody does.
    mutating func emitterMayRead() -> Bool {
        guard role == .free, !hasEnded else { return false }
        role = .runner
        return true
    }

    // MARK: Progress

    mutating func report(_ progress: TaskProgress, of id: UInt64) {
        if running == id { self.progress = progress }
    }

    mutating func takeProgress() -> (id: UInt64, progress: TaskProgress)? {
        guard let running, let progress = progress.take() else { return nil }
        return (running, progress)
    }
}
