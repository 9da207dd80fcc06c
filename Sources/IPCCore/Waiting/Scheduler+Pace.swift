import Synchronization

/// What the monitor sees of the workers, and does about it.
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
        let nobodyPolls = pollState.load(ordering: .sequentiallyConsistent) == PollState.nobody
        let isStalled = nobodyPolls && polls == pace.polls
        var hasMoved = polls != pace.polls
        var isKeptWaiting = hasSharedWork
        if pace.jobs.count != workers.count { pace.jobs = workers.map { _ in 0 } }
        for worker in workers {
            let count = worker.jobCount.load(ordering: .relaxed)
            if count != pace.jobs[worker.index] {
                hasMoved = true
            } else if worker.latest.load(ordering: .relaxed) != 0 {
                isKeptWaiting = true
            }
            pace.jobs[worker.index] = count
        }
        pace.polls = polls
        if isStalled || isKeptWaiting { takeOver() }
        return isStalled || isKeptWaiting || nobodyPolls || hasMoved
    }

    private func takeOver() {
        mayTakeLatest.store(true, ordering: .sequentiallyConsistent)
        wakeForWorkFromOutside()
    }

    /// Whether somebody polls and no job waits, so that nothing is to be taken over.
    ///
    /// Dekker with `enqueue`: the monitor says that it sleeps before it asks this, and a job is in its queue before the
    /// worker looks whether the monitor sleeps.
    var isAtRest: Bool {
        pollState.load(ordering: .sequentiallyConsistent) == PollState.sleeping && !hasSharedWork
            && workers.allSatisfy { $0.latest.load(ordering: .sequentiallyConsistent) == 0 }
    }
}
