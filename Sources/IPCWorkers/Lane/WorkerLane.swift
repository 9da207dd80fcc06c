import IPCSockets
import IPCSystem
import Synchronization

/// Keeps one place of the pool filled: starts a worker, reads its answers, replaces it when it dies or is to be replaced, and
/// sees it out at the end. Runs as a child task of the pool's scope, and ends when that is cancelled.
struct WorkerLane: Sendable {
    /// How the life of a worker ended.
    enum Departure: Sendable {
        case scopeEnded
        case recycled(Dispatcher<WorkerPool.TaskOwner>.Retirement)
        /// It was ended for a task.
        case judged(processID: Int32)
        /// It died; `hadFinished` says whether it had finished any task.
        case died(processID: Int32, hadFinished: Bool)
    }

    let pool: WorkerPool
    let index: Int

    init(_ pool: WorkerPool, _ index: Int) {
        self.pool = pool
        self.index = index
    }

    func keep() async {
        /// Whom the next worker replaces.
        var lost: Int32?
        var deathsInARow = 0
        while !Task.isCancelled, pool.shared.withLock({ $0.dispatcher.failure == nil }) {
            do throws(IPCError) {
                try await pause(deathsInARow)
                // The pool may have given up meanwhile.
                guard pool.shared.withLock({ $0.dispatcher.failure == nil }) else { continue }
                let worker = try await WorkerProcess.start(index, pool.options)
                let processID = worker.child.processID
                IPCObservation.emit(.workerStarted(processID: processID))
                if let lost { IPCObservation.emit(.workerReplaced(oldProcessID: lost, newProcessID: processID)) }
                lost = nil
                switch await serve(worker) {
                case .scopeEnded: break
                case .recycled(let reason):
                    deathsInARow = 0
                    if reason == .idle { await sleep() }
                case .judged(let processID):
                    lost = processID
                    deathsInARow = 0
                case .died(let processID, let hadFinished):
                    lost = processID
                    deathsInARow = hadFinished ? 1 : deathsInARow + 1
                }
            } catch {
                deathsInARow += 1
                couldNotStart(error)
            }
        }
        // The scope was cancelled from outside: whoever still waits is not to wait for ever.
        if Task.isCancelled { pool.close() }
    }

    /// Leaves the place empty for a while after deaths.
    private func pause(_ deathsInARow: Int) async throws(IPCError) {
        let delay = pool.options.restartBackoff.delay(afterDeaths: deathsInARow)
        guard delay > .zero else { return }
        do {
            try await Task.sleep(for: delay)
        } catch {
            throw .cancelled("start a worker")
        }
    }

    /// Leaves the place empty until there is work.
    private func sleep() async {
        guard pool.shared.withLock({ $0.dispatcher.sleep(index) }) else { return }
        while !Task.isCancelled, pool.shared.withLock({ $0.dispatcher.lanes[index].isDormant }) {
            try? await pool.lanePoints[index].wait(until: .never, "wait for work")
        }
    }

    /// A program that no worker of this pool ever came from is the wrong one; otherwise it counts as a death.
    private func couldNotStart(_ error: IPCError) {
        guard !Task.isCancelled else { return }
        IPCObservation.emit(.log(level: .error, message: "\(error)"))
        let isBusy = someWorkerIsBusy
        pool.step { shared, step in
            if !shared.hasStarted {
                shared.dispatcher.fail(error, into: &step)
            } else if !shared.restarts.permits(at: .now) {
                shared.dispatcher.fail(shared.restarts.error(error), into: &step)
            } else {
                wasInVain(&shared, isBusy: isBusy, error, &step)
            }
        }
        pool.signalDrainers()
    }

    /// Counts a worker that has begun nothing, if there was something to begin.
    ///
    /// - Parameter isBusy: whether another one has begun something.
    func wasInVain(
        _ shared: inout WorkerPool.Shared, isBusy: Bool, _ error: IPCError, _ step: inout WorkerPool.Step
    ) {
        guard shared.dispatcher.openCount > 0 else { return }
        if isBusy || shared.dispatcher.lanes.contains(where: { $0.finished > 0 }) { shared.starts.began() }
        if !shared.starts.permits(index) { shared.dispatcher.fail(shared.starts.error(error), into: &step) }
    }

    /// Whether a worker of this pool runs a task.
    var someWorkerIsBusy: Bool {
        pool.shared.withLock { $0.links }.contains { $0?.process.journal.running() != nil }
    }

    private func serve(_ worker: WorkerProcess) async -> Departure {
        let link = arrive(worker)
        let writer = Task(executorPreference: IPCExecutor.shared) { await pool.writeBacklog(index, link) }
        let reason = await read(worker)
        let departure: Departure
        if Task.isCancelled {
            // Before its tasks come back, so that none of them is started once more.
            pool.close()
            _ = await worker.end(grace: pool.options.shutdownGrace)
            departure = leave(worker, nil)
        } else if link.isLeaving, pool.shared.withLock({ $0.dispatcher.lanes[index].assigned.isEmpty }) {
            _ = await worker.end(grace: pool.options.shutdownGrace)
            departure = leave(worker, nil)
        } else {
            let crash = await worker.bury()
            let isWild = reason.code == .protocolViolation
            if isWild {
                let object = "process \(crash.processID)"
                IPCObservation.emit(.protocolViolation(mechanism: "worker", object: object, error: reason))
            }
            // That its answers cannot be received is not its fault, and not told by how it ended.
            let isOurs = isWild || (reason.code != .peerClosed && reason.code != .truncated)
            departure = leave(
                worker, Remains(journal: worker.journal.read(), crash: crash, error: isOurs ? reason : nil))
        }
        link.writer.ring()
        await writer.value
        worker.parcelChannel.close()
        return departure
    }

    private func arrive(_ worker: WorkerProcess) -> WorkerConnection {
        var made: WorkerConnection?
        pool.step { shared, step in
            let link = WorkerConnection(worker, incarnation: shared.dispatcher.lanes[index].incarnation)
            made = link
            shared.links[index] = link
            shared.hasStarted = true
            shared.records[index].starts += 1
            shared.dispatcher.workerReady(index, serves: worker.served, at: MonotonicClock.nanoseconds, into: &step)
        }
        return made!
    }
}
