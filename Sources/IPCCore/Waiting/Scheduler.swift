import CIPC
import IPCSystem
import Synchronization

/// Runs jobs on a few workers, one of which polls when it has nothing to do. The worker that sees an event runs the task
/// that the event wakes, without a hand-over.
///
/// - A worker that runs dry polls if nobody does, else it parks.
/// - Waking a parked worker for each event costs more than it brings. One is woken when several jobs wait, when work
///   comes from outside, and by the monitor when nobody has polled for a tick.
package final class Scheduler: Sendable {
    /// How many jobs must wait before another worker is woken for them. On one processor it could not help.
    private let crowd = ProcessFacts.usableProcessors > 1 ? 8 : Int.max

    enum PollState {
        static let nobody = 0
        static let looking = 1
        static let sleeping = 2
    }

    let workers: [ExecutorWorker]
    /// Tells the workers of this scheduler from those of others.
    private let family: UInt
    let poller: Int32
    let wakeNumber: Int32
    let table: RegistrationTable
    let monitor: Monitor

    /// Jobs that came from outside or found a full ring.
    private let overflow = Lock<(jobs: [UInt], first: Int)>(([], 0))
    private let overflowCount = Atomic<Int>(0)

    let pollState = Atomic<Int>(PollState.nobody)
    /// Counts polls, for the monitor to see that somebody polls.
    let pollCount = Atomic<UInt>(0)
    /// How many events the last poll brought: a measure of how busy the descriptors are.
    let lastBatch = Atomic<Int>(0)
    let parked = Atomic<Int>(0)
    /// A worker may take what lies in other workers' `latest`: set by the monitor when a job runs long.
    let mayTakeLatest = Atomic<Bool>(false)
    let permits = FutexWord()

    private static let families = Atomic<UInt>(0)

    init(workerCount: Int, poller: Int32, wakeNumber: Int32, table: RegistrationTable, monitor: Monitor) {
        let family = Self.families.wrappingAdd(1, ordering: .relaxed).newValue
        self.family = family
        workers = (0..<workerCount).map { ExecutorWorker(index: $0, family: family) }
        self.poller = poller
        self.wakeNumber = wakeNumber
        self.table = table
        self.monitor = monitor
    }

    /// The worker whose thread this is, if it is one.
    static var currentWorker: ExecutorWorker? {
        guard let pointer = unsafe cipc_thread_worker_get() else { return nil }
        // SAFETY: set by `run` to a worker that lives as long as its thread.
        return unsafe Unmanaged<ExecutorWorker>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Whether this thread is one of the workers'.
    package static var isWorkersThread: Bool { unsafe cipc_thread_worker_get() != nil }

    /// Whether nothing else waits for the thread that calls, as far as it can tell: then it may spin.
    package var isQuiet: Bool {
        guard lastBatch.load(ordering: .relaxed) <= 1 else { return false }
        guard let worker = Self.currentWorker else { return true }
        return worker.next == 0 && worker.latest.load(ordering: .relaxed) == 0 && worker.ring.count() == 0
            && overflowCount.load(ordering: .relaxed) == 0
    }

    /// Whether the last poll found several descriptors ready.
    package var isCrowded: Bool { lastBatch.load(ordering: .relaxed) > 1 }

    // MARK: Queues

    /// Takes a job over, from any thread.
    func enqueue(_ job: UInt) {
        guard let worker = Self.currentWorker, worker.family == family else {
            pushOverflow(job)
            return wakeForWorkFromOutside()
        }
        if worker.isPolling {
            // The monitor is woken when the poll is over.
            if worker.next == 0 { worker.next = job } else { push(job, worker) }
            return
        }
        if job == worker.current {
            push(job, worker)  // a yield goes to the back
        } else {
            let displaced = worker.latest.exchange(job, ordering: .sequentiallyConsistent)
            if displaced != 0 {
                push(displaced, worker)
                if worker.ring.count() >= crowd { wakeOne() }
            }
        }
        // The job that runs may have run so long that the monitor sleeps, and may go on for long. See `isAtRest`.
        monitor.wakeIfAsleep()
    }

    private func push(_ job: UInt, _ worker: ExecutorWorker) {
        if !worker.ring.push(job) { pushOverflow(job) }
    }

    private func pushOverflow(_ job: UInt) {
        overflow.withLock {
            $0.jobs.append(job)
            overflowCount.store($0.jobs.count - $0.first, ordering: .sequentiallyConsistent)
        }
    }

    private func popOverflow() -> UInt {
        guard overflowCount.load(ordering: .sequentiallyConsistent) > 0 else { return 0 }
        return overflow.withLock { queue in
            guard queue.first < queue.jobs.count else { return 0 }
            let job = queue.jobs[queue.first]
            queue.first += 1
            if queue.first == queue.jobs.count {
                queue.jobs.removeAll(keepingCapacity: true)
                queue.first = 0
            } else if queue.first >= 1024 && queue.first * 2 >= queue.jobs.count {
                queue.jobs.removeFirst(queue.first)
                queue.first = 0
            }
            overflowCount.store(queue.jobs.count - queue.first, ordering: .sequentiallyConsistent)
            return job
        }
    }

    private func take(_ worker: ExecutorWorker) -> UInt {
        if worker.next != 0 {
            defer { worker.next = 0 }
            return worker.next
        }
        if worker.latestStreak < 32 || !hasSharedWork {
            let job = worker.latest.exchange(0, ordering: .acquiringAndReleasing)
            if job != 0 {
                worker.latestStreak += 1
                return job
            }
        }
        worker.latestStreak = 0
        var job = worker.ring.pop()
        if job == 0 { job = popOverflow() }
        if job == 0 { job = takeFromOthers(worker) }
        if job == 0 { job = worker.latest.exchange(0, ordering: .acquiringAndReleasing) }
        return job
    }

    private func takeFromOthers(_ worker: ExecutorWorker) -> UInt {
        for other in workers where other !== worker {
            let job = other.ring.pop()
            if job != 0 { return job }
        }
        guard mayTakeLatest.load(ordering: .relaxed) else { return 0 }
        mayTakeLatest.store(false, ordering: .relaxed)
        for other in workers where other !== worker {
            let job = other.latest.exchange(0, ordering: .acquiringAndReleasing)
            if job != 0 { return job }
        }
        return 0
    }

    /// Whether jobs wait that any worker may take.
    var hasSharedWork: Bool {
        if overflowCount.load(ordering: .sequentiallyConsistent) > 0 { return true }
        for worker in workers where worker.ring.count() > 0 { return true }
        return false
    }

    // MARK: Workers

    /// The life of a worker's thread.
    func run(_ worker: ExecutorWorker, on executor: IPCExecutor) {
        let executor = unsafe executor.asUnownedTaskExecutor()
        unsafe cipc_thread_worker_set(Unmanaged.passUnretained(worker).toOpaque())
        PipeSignalMask.block()
        while true {
            let job = take(worker)
            if job != 0 {
                worker.current = job
                // SAFETY: the word is a job that was enqueued and that nobody else has taken.
                unsafe unsafeBitCast(job, to: UnownedJob.self).runSynchronously(on: executor)
                worker.current = 0
                let jobCount = worker.jobCount.load(ordering: .relaxed) &+ 1
                worker.jobCount.store(jobCount, ordering: .relaxed)
                if jobCount & 63 == 0, hasSharedWork { _ = poll(worker, blocking: false) }
            } else if !poll(worker, blocking: true) {
                park()
            }
        }
    }

    /// Looks at the descriptors in passing: for a task that keeps finding what it wants without a wait, while others wait
    /// for the thread.
    ///
    /// - Parameter seenJobs: how many jobs the other workers had run when the task last asked.
    /// - Returns: whether there was something for others.
    func lookAround(_ seenJobs: inout UInt?) -> Bool {
        guard let worker = Self.currentWorker, worker.family == family, !worker.isPolling else { return false }
        let jobs = workers.reduce(0) { $0 &+ ($1 === worker ? 0 : $1.jobCount.load(ordering: .relaxed)) }
        let before = seenJobs ?? jobs
        seenJobs = jobs
        // Who polls instead runs the others' jobs too.
        guard poll(worker, blocking: false) else { return jobs != before }
        guard worker.next != 0 else { return false }
        // The task may run on for long: what the poll made ready is for anyone.
        push(worker.next, worker)
        worker.next = 0
        monitor.wakeIfAsleep()
        return true
    }

    /// Looks at the descriptors, or sleeps until one is ready. False when another worker polls.
    private func poll(_ worker: ExecutorWorker, blocking: Bool) -> Bool {
        let state = blocking ? PollState.sleeping : PollState.looking
        guard pollState.load(ordering: .relaxed) == PollState.nobody,
            pollState.compareExchange(
                expected: PollState.nobody, desired: state, ordering: .sequentiallyConsistent
            ).exchanged
        else { return false }
        pollCount.store(pollCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        var count: Int32 = 0
        // After the state is seen by all: whoever adds work now wakes the poller, and what came before is seen here.
        if !blocking {
            count = unsafe cipc_epoll_wait(poller, worker.events, 0)
        } else if !hasSharedWork {
            count = unsafe cipc_epoll_wait(poller, worker.events, -1)
        }
        pollState.store(PollState.nobody, ordering: .sequentiallyConsistent)
        if count > 0 { deliver(count, worker) }
        if blocking {
            lastBatch.store(Int(count), ordering: .relaxed)
            monitor.wakeIfAsleep()
        }
        if worker.ring.count() >= crowd { wakeOne() }
        return true
    }

    private func deliver(_ count: Int32, _ worker: ExecutorWorker) {
        let events = unsafe worker.events
        worker.isPolling = true
        for index in 0..<count {
            let data = unsafe cipc_epoll_data(events, index)
            if data == .max { continue }  // the wake-up
            let bits = unsafe cipc_epoll_bits(events, index)
            table.find(UInt32(truncatingIfNeeded: data))?.deliver(bits, eventGeneration: UInt32(data >> 32))
        }
        worker.isPolling = false
    }
}
