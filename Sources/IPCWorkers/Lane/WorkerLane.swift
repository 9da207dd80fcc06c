import IPCSockets
import IPCSystem
import Synchronization

/// Keeps one place of the pool filled: starts a worker, reads its answers, replaces it when it dies, and sees it out at
/// the end. Runs as a child task of the pool's scope, and ends when that is cancelled.
struct WorkerLane: Sendable {
    private typealias Pool = Dispatcher<WorkerPool.TaskOwner>

    private let pool: WorkerPool
    private let index: Int

    init(_ pool: WorkerPool, _ index: Int) {
        self.pool = pool
        self.index = index
    }

    func keep() async {
        /// Whom the next worker replaces.
        var lost: Int32?
        while !Task.isCancelled, pool.shared.withLock({ $0.dispatcher.failure == nil }) {
            do throws(IPCError) {
                let worker = try await WorkerProcess.start(index, pool.options)
                let processID = worker.child.processID
                IPCObservation.emit(.workerStarted(processID: processID))
                if let lost { IPCObservation.emit(.workerReplaced(oldProcessID: lost, newProcessID: processID)) }
                lost = await serve(worker)
            } catch {
                couldNotStart(error)
            }
        }
        // The scope was cancelled from outside: whoever still waits is not to wait for ever.
        if Task.isCancelled { pool.close() }
    }

    /// A program that no worker of this pool ever came from is the wrong one; otherwise it counts as a death.
    private func couldNotStart(_ error: IPCError) {
        guard !Task.isCancelled else { return }
        IPCObservation.emit(.log(level: .error, message: "\(error)"))
        pool.step { shared, step in
            if !shared.hasStarted {
                shared.dispatcher.fail(error, into: &step)
            } else if !shared.restarts.permits(at: .now) {
                shared.dispatcher.fail(shared.restarts.error(error), into: &step)
            }
        }
    }

    /// - Returns: the id of the worker if it died while it was needed.
    private func serve(_ worker: WorkerProcess) async -> Int32? {
        let link = arrive(worker)
        let writer = Task(executorPreference: IPCExecutor.shared) { await pool.writeBacklog(index, link) }
        let reason = await read(worker)
        var lost: Int32?
        if Task.isCancelled {
            _ = await worker.end(grace: pool.options.shutdownGrace)
            leave(nil)
        } else {
            let crash = await worker.bury()
            lost = crash.processID
            report(crash, reason)
            leave((worker.journal.read(), reason.code == .protocolViolation ? reason : crash.error))
        }
        link.writer.ring()
        await writer.value
        return lost
    }

    private func report(_ crash: WorkerCrash, _ reason: IPCError) {
        if reason.code == .protocolViolation {
            let object = "process \(crash.processID)"
            IPCObservation.emit(.protocolViolation(mechanism: "worker", object: object, error: reason))
        }
        let outcome = crash.status?.outcome ?? .unknown
        IPCObservation.emit(.workerCrashed(processID: crash.processID, outcome: outcome))
    }

    private func arrive(_ worker: WorkerProcess) -> WorkerPool.Link {
        var made: WorkerPool.Link?
        pool.step { shared, step in
            let link = WorkerPool.Link(
                channel: worker.channel, writer: Doorbell(), incarnation: shared.dispatcher.lanes[index].incarnation)
            made = link
            shared.links[index] = link
            shared.hasStarted = true
            shared.dispatcher.workerReady(index, serves: worker.served, at: MonotonicClock.nanoseconds, into: &step)
        }
        return made!
    }

    /// Reads answers until there are no more.
    ///
    /// - Returns: why.
    private func read(_ worker: WorkerProcess) async -> IPCError {
        var answers: [Dispatcher<WorkerPool.TaskOwner>.Answer] = []
        do throws(IPCError) {
            while true {
                var broken: IPCError?
                let count = try await worker.channel.receive(upTo: 64, until: .never) { message in
                    if broken == nil { broken = WorkerLane.read(message, into: &answers) }
                }
                try pool.step { (shared, step) throws(IPCError) in
                    try shared.dispatcher.answered(index, answers, at: MonotonicClock.nanoseconds, into: &step)
                }
                answers.removeAll(keepingCapacity: true)
                if let broken { throw broken }
                if count == nil { throw IPCError(.peerClosed, "the worker left") }
            }
        } catch {
            return error
        }
    }

    /// What a message of a worker says, appended to `answers`.
    private static func read(
        _ message: RawSpan, into answers: inout [Dispatcher<WorkerPool.TaskOwner>.Answer]
    ) -> IPCError? {
        let buffer = [UInt8](message)
        do throws(IPCError) {
            try CallWire.forEachRange(of: message) { (header, range) throws(IPCError) in
                switch header.kind {
                case .reply: answers.append(.init(id: header.id, kind: .value(TaskBytes(buffer, range))))
                case .failure:
                    let failure = try CallWire.readFailure(message.extracting(range))
                    answers.append(.init(id: header.id, kind: .failed(failure)))
                case .declined: answers.append(.init(id: header.id, kind: .declined))
                default: throw CallWire.violation("a frame of kind \(header.kind) from a worker")
                }
            }
            return nil
        } catch {
            return error
        }
    }

    /// The worker is gone.
    ///
    /// - Parameter remains: its journal, and the error of the task that ran; nil when the pool is over.
    private func leave(_ remains: (journal: Journal.Remains, error: IPCError)?) {
        var finished: [Dispatcher<WorkerPool.TaskOwner>.Answer] = []
        for message in remains?.journal.messages ?? [] {
            // What a worker left half-written ends this message; the others count.
            _ = unsafe WorkerLane.read(message.span.bytes, into: &finished)
        }
        pool.step { shared, step in
            let now = MonotonicClock.nanoseconds
            shared.links[index] = nil
            if let remains {
                // Answers that are not awaited are passed over, so nothing is thrown.
                try? shared.dispatcher.answered(index, finished, at: now, isReplayed: true, into: &step)
                if !shared.restarts.permits(at: .now) {
                    shared.dispatcher.fail(shared.restarts.error(remains.error), into: &step)
                }
            }
            let error = remains?.error ?? IPCError(.closed, "run a task: the pool's scope has ended")
            shared.dispatcher.workerDied(index, running: remains?.journal.running, error, at: now, into: &step)
        }
    }
}
