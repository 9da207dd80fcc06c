import CIPC
import Synchronization

/// One thread of the executor, and the jobs that are nearest to it.
@safe final class ExecutorWorker: @unchecked Sendable {
    let index: Int
    /// The scheduler that it works for.
    let family: UInt

    /// The job that was made ready last: it runs next, while its data is warm. The owner fills it, anyone may empty it.
    let latest = Atomic<UInt>(0)
    /// Further jobs, for anyone.
    let ring = JobRing()

    // What follows belongs to the worker's own thread.

    /// Room for what a poll finds.
    let events = UnsafeMutablePointer<cipc_epoll_events>.allocate(capacity: 1)
    /// The job that runs, to tell a yield from a new job.
    var current: UInt = 0
    /// Whether the thread is handing out the events of a poll.
    var isPolling = false
    /// The job that the poll made ready first. Nobody else needs to see it: it runs as soon as the poll is over.
    var next: UInt = 0
    /// Jobs that ran one after the other from `latest`, so that the others get their turn.
    var latestStreak = 0

    /// How many jobs it has run, for the monitor.
    let jobCount = Atomic<UInt>(0)

    init(index: Int, family: UInt) {
        self.index = index
        self.family = family
    }

    deinit { unsafe events.deallocate() }
}
