import IPCSystem

/// What a pool has done and what it is doing. Taken by ``WorkerPool/statistics``.
public struct WorkerPoolStatistics: Sendable, Hashable {
    /// Tasks that were handed in.
    public let submitted: Int
    /// Tasks that gave their output.
    public let finished: Int
    /// Tasks that did not: they threw, their workers died, they took too long. Not those that their callers gave up.
    public let failed: Int
    /// Starts of tasks that were tried again because their worker had died.
    public let retried: Int
    /// Tasks that no worker has.
    public let waiting: Int
    /// Tasks that workers have: they run, or are on their way.
    public let assigned: Int
    /// Workers that died by themselves, or by others.
    public let crashes: Int
    /// Workers that were ended for a task that took too long or too much memory, or because they did not begin what they had.
    public let kills: Int
    /// Workers that were replaced by ``WorkerPoolOptions/recycling``.
    public let recycled: Int
    /// Each place of the pool.
    public let workers: [Worker]

    /// One place of a pool and the worker in it.
    public struct Worker: Sendable, Hashable {
        /// What it does.
        public enum State: Sendable, Hashable {
            /// It is being started, or waits to be.
            case starting
            /// It waits for work.
            case idle
            /// It has work.
            case busy
            /// It is about to be replaced.
            case leaving
            /// There is none, and there is no work: see ``WorkerRecycling/idle``.
            case asleep
        }

        /// Its number in the pool.
        public let index: Int
        /// What it does.
        public let state: State
        /// The id of its process, for people and logs; nil when there is none.
        public let processID: Int32?
        /// Tasks that this process has done.
        public let finished: Int
        /// How long this process has served.
        public let age: Duration
        /// Bytes that it has in memory; 0 when there is none.
        public let residentBytes: Int
        /// Processes that this place has had.
        public let starts: Int
    }
}

/// What happened to the processes of one place.
struct WorkerRecord: Sendable {
    var starts = 0
    var crashes = 0
    var kills = 0
    var recycled = 0
}

extension WorkerPool {
    /// What the pool has done and what it is doing now. It costs a lock, and a read of /proc for each worker.
    public var statistics: WorkerPoolStatistics {
        let now = MonotonicClock.nanoseconds
        let (lanes, counts, waiting, links, records) = shared.withLock { shared in
            (
                shared.dispatcher.lanes, shared.dispatcher.counts, shared.dispatcher.waiting.count, shared.links,
                shared.records
            )
        }
        let workers = lanes.indices.map { index in
            let lane = lanes[index]
            let processID = links[index]?.process.child.processID
            return WorkerPoolStatistics.Worker(
                index: index, state: state(of: lane), processID: processID, finished: lane.finished,
                age: lane.isReady ? .nanoseconds(Int64(clamping: now &- min(now, lane.readyAt))) : .zero,
                residentBytes: processID.map { ProcessMemory.resident(of: $0) } ?? 0, starts: records[index].starts)
        }
        return WorkerPoolStatistics(
            submitted: counts.submitted, finished: counts.finished, failed: counts.failed, retried: counts.retried,
            waiting: waiting, assigned: lanes.reduce(0) { $0 + $1.assigned.count },
            crashes: records.reduce(0) { $0 + $1.crashes }, kills: records.reduce(0) { $0 + $1.kills },
            recycled: records.reduce(0) { $0 + $1.recycled }, workers: workers)
    }

    private func state(of lane: Dispatcher<TaskOwner>.Lane) -> WorkerPoolStatistics.Worker.State {
        if lane.isDormant { return .asleep }
        if !lane.isReady { return .starting }
        if lane.retirement != nil { return .leaving }
        return lane.assigned.isEmpty ? .idle : .busy
    }
}
