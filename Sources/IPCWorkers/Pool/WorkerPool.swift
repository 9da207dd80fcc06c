import IPCSockets
import IPCSystem
import Synchronization

/// Processes that run tasks. Made by ``withWorkerPool(of:options:_:)``; any number of tasks may use it at once.
///
/// - **A crash fails only its task**, with `.workerCrashed` (``IPCError/workerCrash`` has the signal and the end
///   of standard error), and the worker is replaced. Tasks that were on their way to it go to others, and what it had
///   finished is delivered. A task is started at most once unless its ``WorkerJob/maximumAttempts`` says otherwise.
/// - **Workers start** when the pool does, beside the body. That a worker cannot be started, or does not introduce itself
///   in time, is the error of the tasks: `.handshakeFailed`, or what `spawn` throws. After too many deaths it is
///   `.restartLimitReached`.
/// - **Cancellation** of whoever waits for a task ends the wait and cancels the task in the worker. A task that goes on all
///   the same is ended with its worker (``WorkerPoolOptions/cancellationGrace``), as is one that takes longer than its
///   ``WorkerJob/timeLimit-swift.property``.
/// - **A worker that is stopped** (SIGSTOP), or hangs, and does not begin what it has is replaced after some seconds; its
///   tasks go to others.
/// - **No recursion**: in a worker, every operation throws `.unsupported`.
public final class WorkerPool: Sendable {
    /// Who waits for a task.
    enum TaskOwner: Sendable {
        case single(SingleTask)
        case map(MapSession, index: Int)
        case stream(StreamSession)
    }

    struct Shared: Sendable {
        var dispatcher: Dispatcher<TaskOwner>
        /// What leads to each worker that lives.
        var links: [WorkerConnection?]
        var records: [WorkerRecord]
        var typeNumbers: [ObjectIdentifier: Int] = [:]
        var restarts: RestartTally
        var starts: StartTally
        /// Whether any worker ever introduced itself.
        var hasStarted = false
        /// Where those wait who drain the pool.
        var drainers: [WaitPoint] = []
    }

    typealias Step = Dispatcher<TaskOwner>.Step

    let options: WorkerPoolOptions
    let laneCount: Int
    let shared: Lock<Shared>
    /// Files for the large values of tasks.
    let values = ValueShelf(awaitsReader: false)
    /// Where each place waits while it sleeps.
    let lanePoints: [WaitPoint]
    /// Where the watch waits for something to watch.
    let watchPoint = WaitEngine.shared.makeWaitPoint()
    private let currentLookAhead: Atomic<Int>

    init(count: Int, options: WorkerPoolOptions) {
        self.options = options
        laneCount = count
        lanePoints = (0..<count).map { _ in WaitEngine.shared.makeWaitPoint() }
        var dispatcher = Dispatcher<TaskOwner>(lanes: count, tasksPerWorker: options.recycling.tasks ?? .max)
        dispatcher.watchesIdleness = options.recycling.idle != nil
        if let refusal = WorkerRole.refusal {
            var step = Step()
            dispatcher.fail(refusal, into: &step)
        }
        currentLookAhead = Atomic(dispatcher.lookAhead)
        shared = Lock(
            Shared(
                dispatcher: dispatcher, links: Array(repeating: nil, count: count),
                records: Array(repeating: WorkerRecord(), count: count), restarts: RestartTally(options.restartLimit),
                starts: StartTally(places: count, options.startAttempts)))
    }

    /// How many workers the pool has.
    public var workerCount: Int { laneCount }

    /// How many tasks a `map` hands in before their results are taken.
    var lookAhead: Int { options.lookAhead.map { max(1, $0) } ?? currentLookAhead.load(ordering: .relaxed) }

    /// From how many bytes on a value goes as a file.
    var sharedValueSize: Int { options.effectiveSharedValueSize }

    /// The number of a task type in this pool.
    func number<Work: WorkerJob>(of type: Work.Type) -> Int {
        shared.withLock { shared in
            if let number = shared.typeNumbers[ObjectIdentifier(type)] { return number }
            let number = shared.dispatcher.number(ofType: Work.workerTaskName)
            shared.typeNumbers[ObjectIdentifier(type)] = number
            return number
        }
    }

    /// Takes one step of the dispatcher and carries out what it asks for.
    func step<Failure: Error>(_ body: (inout Shared, inout Step) throws(Failure) -> Void) throws(Failure) {
        var step = Step()
        do throws(Failure) {
            try shared.withLock { shared throws(Failure) in
                defer { currentLookAhead.store(shared.dispatcher.lookAhead, ordering: .relaxed) }
                try body(&shared, &step)
            }
        } catch {
            perform(step)
            throw error
        }
        perform(step)
    }

    private func perform(_ step: Step) {
        for lane in step.lanesToFlush { flush(lane) }
        for (lane, incarnation) in step.lanesToFinish {
            // Whoever has come after it meanwhile stays.
            if let link = shared.withLock({ $0.links[lane] }), link.incarnation == incarnation { link.leave() }
        }
        for lane in step.lanesToWake { lanePoints[lane].signal() }
        if step.wakesWatch { watchPoint.signal() }
        for (owner, news) in step.news { tell(owner, news) }
        deliver(step.deliveries)
    }

    private func tell(_ owner: TaskOwner, _ news: Dispatcher<TaskOwner>.News) {
        switch (owner, news) {
        case (.stream(let session), .item(let bytes)): session.deliver(bytes)
        case (.stream(let session), .progress(let progress)): session.progress?.report(progress, of: 0)
        case (.single(let single), .progress(let progress)): single.progress?.report(progress, of: 0)
        case (.map(let session, let index), .progress(let progress)): session.progress?.report(progress, of: index)
        // A worker that sends items of what is no stream: nobody wants them.
        case (.single, .item), (.map, .item): break
        }
    }

    private func deliver(_ deliveries: [Dispatcher<TaskOwner>.Delivery]) {
        guard !deliveries.isEmpty else { return }
        var batch: [(index: Int, outcome: TaskOutcome)] = []
        var batchSession: MapSession?
        for delivery in deliveries {
            if let error = delivery.outcome.error { report(error, ofType: delivery.type) }
            switch delivery.owner {
            case .single(let single): single.deliver(delivery.outcome)
            case .stream(let session): session.deliver(delivery.outcome)
            case .map(let session, let index):
                if session !== batchSession {
                    batchSession?.deliver(batch)
                    batch.removeAll(keepingCapacity: true)
                    batchSession = session
                }
                batch.append((index, delivery.outcome))
            }
        }
        batchSession?.deliver(batch)
        signalDrainers()
    }

    private func report(_ error: IPCError, ofType type: Int) {
        IPCObservation.emit(.taskFailed(type: shared.withLock { $0.dispatcher.typeNames[type] }, error: error))
    }

    /// Ends the pool for its users: what waits fails, what runs is cancelled.
    func close() {
        step { shared, step in
            shared.dispatcher.fail(
                IPCError(.closed, "run a task: the pool's scope has ended"), into: &step)
            shared.dispatcher.giveUpRunning(at: MonotonicClock.nanoseconds, into: &step)
        }
        // Also where nothing was delivered.
        signalDrainers()
    }
}
