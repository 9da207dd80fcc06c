import IPCSockets
import IPCSystem
import Synchronization

/// Processes that run tasks. Made by ``withWorkerPool(of:options:_:)``; any number of tasks may use it at once.
///
/// - **A crash fails only its task**, with `.workerCrashed` (``IPCError/workerCrash`` has the signal and the end
///   of standard error), and the worker is replaced. Tasks that were on their way to it go to others, and what it had
///   finished is delivered. A task is started at most once unless its ``WorkerTask/maximumAttempts`` says otherwise.
/// - **Workers start** when the pool does, beside the body. That a worker cannot be started, or does not introduce itself
///   in time, is the error of the tasks: `.handshakeFailed`, or what `spawn` throws. After too many deaths it is
///   `.restartLimitReached`.
/// - **Cancellation** of whoever waits for a task ends the wait and cancels the task in the worker.
/// - **No recursion**: in a worker, every operation throws `.unsupported`.
public final class WorkerPool: Sendable {
    /// Who waits for a task.
    enum TaskOwner: Sendable {
        case single(SingleTask)
        case map(MapSession, index: Int)
    }

    struct Shared: Sendable {
        var dispatcher: Dispatcher<TaskOwner>
        /// The channel of each worker that lives, with the doorbell of its writer.
        var links: [Link?]
        var typeNumbers: [ObjectIdentifier: Int] = [:]
        var restarts: RestartTally
        /// Whether any worker ever introduced itself.
        var hasStarted = false
    }

    struct Link: Sendable {
        let channel: SocketChannel
        let writer: Doorbell
        let incarnation: Int
    }

    typealias Step = Dispatcher<TaskOwner>.Step

    let options: WorkerPoolOptions
    let laneCount: Int
    let shared: Lock<Shared>
    private let currentLookAhead: Atomic<Int>

    init(count: Int, options: WorkerPoolOptions) {
        self.options = options
        laneCount = count
        var dispatcher = Dispatcher<TaskOwner>(lanes: count)
        if let refusal = WorkerRole.refusal {
            var step = Step()
            dispatcher.fail(refusal, into: &step)
        }
        currentLookAhead = Atomic(dispatcher.lookAhead)
        shared = Lock(
            Shared(
                dispatcher: dispatcher, links: Array(repeating: nil, count: count),
                restarts: RestartTally(options.restartLimit)))
    }

    /// How many workers the pool has.
    public var workerCount: Int { laneCount }

    /// How many tasks a `map` hands in before their results are taken.
    var lookAhead: Int { options.lookAhead.map { max(1, $0) } ?? currentLookAhead.load(ordering: .relaxed) }

    /// The number of a task type in this pool.
    func number<Work: WorkerTask>(of type: Work.Type) -> Int {
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
        var batch: [(index: Int, outcome: TaskOutcome)] = []
        var batchSession: MapSession?
        for delivery in step.deliveries {
            if let error = delivery.outcome.error { report(error, ofType: delivery.type) }
            switch delivery.owner {
            case .single(let single):
                single.deliver(delivery.outcome)
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
    }

    private func report(_ error: IPCError, ofType type: Int) {
        IPCObservation.emit(.taskFailed(type: shared.withLock { $0.dispatcher.typeNames[type] }, error: error))
    }

    /// Sends what can be sent to a worker without waiting; the rest is left to its writer.
    private func flush(_ lane: Int) {
        var packet: [UInt8]?
        let link = shared.withLock { shared in
            let link = shared.links[lane]
            if link != nil { packet = shared.dispatcher.beginSending(lane) }
            return link
        }
        guard let link else { return }
        while let sending = packet {
            do throws(IPCError) {
                guard try link.channel.trySend(sending) else {
                    link.writer.leave(sending)
                    return
                }
            } catch {
                // The reader of this worker sees the same end of the channel.
                return
            }
            packet = shared.withLock { $0.dispatcher.didSend(lane, link.incarnation) }
        }
    }

    /// Sends what ``flush(_:)`` could not, as long as the worker is this one.
    func writeBacklog(_ lane: Int, _ link: Link) async {
        while let left = await link.writer.wait(while: { isCurrent(lane, link) }) {
            var packet: [UInt8]? = left
            while let sending = packet {
                do throws(IPCError) {
                    try await link.channel.send(sending)
                } catch {
                    return
                }
                packet = shared.withLock { $0.dispatcher.didSend(lane, link.incarnation) }
            }
        }
    }

    private func isCurrent(_ lane: Int, _ link: Link) -> Bool {
        shared.withLock { $0.links[lane]?.incarnation == link.incarnation }
    }

    /// Ends the pool for its users: what waits fails, what runs is cancelled.
    func close() {
        step { shared, step in
            shared.dispatcher.fail(
                IPCError(.closed, "run a task: the pool's scope has ended"), into: &step)
            shared.dispatcher.giveUpRunning(into: &step)
        }
    }
}
