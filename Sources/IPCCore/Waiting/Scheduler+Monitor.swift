import Synchronization

/// What the monitor sees of the workers.
extension Scheduler {
    /// What the monitor saw at its last tick.
    struct Pace {
        var polls: UInt = 0
        var jobs: [UInt] = []
    }

    /// Lets another worker take over what a long job keeps waiting. Called once a tick.
    ///
    /// - Returns: whether anything happened since the last tick.
    func observe(_ pace: inout Pace) -> Bool {
        let polls = pollCount.load(ordering: .relaxed)
        let jobs = workers.map { $0.jobCount.load(ordering: .relaxed) }
        defer { pace = Pace(polls: polls, jobs: jobs) }
        guard pace.jobs.count == jobs.count else { return true }
        let nobodyPolls = pollState.load(ordering: .sequentiallyConsistent) == PollState.nobody
        let isStalled = nobodyPolls && polls == pace.polls
        let isKeptWaiting =
            hasSharedWork
            || workers.contains { worker in
                jobs[worker.index] == pace.jobs[worker.index] && worker.latest.load(ordering: .relaxed) != 0
            }
        if isStalled || isKeptWaiting { takeOver() }
        return isStalled || isKeptWaiting || nobodyPolls || polls != pace.polls || jobs != pace.jobs
    }
}
