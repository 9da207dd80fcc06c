import IPCSockets
import IPCSystem

extension MultiProcessServerOptions {
    /// How the server listens. Whom the workers let in they say themselves.
    var listenerOptions: SocketListenerOptions {
        SocketListenerOptions(
            permissions: permissions, backlog: backlog, sharesPort: distribution == .queuePerWorker, type: type)
    }
}

/// Carrying out what the roster says. One task reads the steps in their order (``manage()``); one more for each process.
extension MultiProcessServer {
    /// How long after the grace a process may take to leave before it is killed: what its own end takes.
    private static let margin = Duration.milliseconds(300)
    /// How long a process whose channel has ended may take to end itself.
    private static let lastWords = Duration.seconds(5)

    /// Starts and dismisses processes until the server is over and the last one gone.
    func manage() async {
        await withDiscardingTaskGroup { group in
            for await step in steps {
                switch step {
                case .start(let id, let place, let row, let delay):
                    group.addTask(executorPreference: IPCExecutor.shared) {
                        await self.keep(id, place: place, row: row, delay: delay)
                    }
                case .leave(let id):
                    group.addTask(executorPreference: IPCExecutor.shared) { await self.dismiss(id) }
                case .assignQueues(let one):
                    for id in one.map({ [$0] }) ?? state.withLock({ Array($0.processes.keys) })
                    where beginsAssigning(id) {
                        group.addTask(executorPreference: IPCExecutor.shared) { await self.assignQueues(to: id) }
                    }
                case .tell:
                    break
                }
            }
        }
        hub.finish()
    }

    /// Takes one step of the roster and has carried out what follows.
    func advance(_ body: (inout State) -> [ServerRoster.Step]) {
        perform(state.withLock { body(&$0) })
    }

    func perform(_ todo: [ServerRoster.Step]) {
        let (isEmpty, hasFailed) = state.withLock { state in
            board.update(state.roster, rolls: state.rolls)
            return (state.roster.isEmpty, state.roster.failure != nil)
        }
        if hasFailed { closeListeners() }
        for step in todo {
            if case .tell(let event) = step { tell(event) } else { stepSink.yield(step) }
        }
        if isEmpty { stepSink.finish() }
        bell.ring()
    }

    private func tell(_ event: ServerEvent) {
        switch event {
        case .workerReady(_, let processID): IPCObservation.emit(.workerStarted(processID: processID))
        case .workerCrashed(_, let crash):
            IPCObservation.emit(
                .workerCrashed(processID: crash.processID, outcome: crash.status?.outcome ?? .unknown))
        case .workerFailedToStart(_, let error), .rollingRestartFailed(let error), .failed(let error):
            IPCObservation.emit(.log(level: .error, message: "\(error)"))
        default: break
        }
        hub.emit(event)
    }

    // MARK: One process

    /// Starts a process, listens to it and buries it.
    private func keep(_ id: ServerRoster.ID, place: Int, row: Int, delay: Duration) async {
        if delay > .zero {
            _ = try? await bell.wait(until: .after(delay), "start a worker") { isWaiting(id) ? nil : () }
        }
        guard state.withLock({ $0.roster.begin(id) }) else { return advance { $0.roster.left(id, telling: nil) } }
        let process: ServerProcess
        do throws(IPCError) {
            process = try await ServerProcess.start(place: place, row: row, board, options)
        } catch {
            return couldNotStart(id, place, error)
        }
        let processID = process.child.processID
        let start = ProcessGlance.look(at: processID)?.start ?? 0
        let isLate = state.withLock { state in
            state.roster.started(id, processID: processID)
            state.processes[id] = process
            board.enter(
                row: row, processID: processID, start: start, place: place,
                restarts: state.roster.restarts[place] ?? 0)
            return state.killed.contains(id)
        }
        // Its time to leave was over before it was there: nobody waits for it any more.
        if isLate { _ = try? await process.child.kill() }
        perform([.assignQueues(id)])
        let watch = Task(executorPreference: IPCExecutor.shared) {
            // Also when something that the worker started holds its end of the channel.
            try? await process.child.waitForEnd()
            process.control.close()
        }
        let failure = await read(id, process)
        // Not its status: as long as that is not taken, its group can be found.
        if failure == nil { try? await process.child.waitForEnd(until: .after(Self.lastWords)) }
        let crash = await process.bury(kills: true)
        await watch.value
        isGone(id, row: row, crash, failure)
    }

    private func isWaiting(_ id: ServerRoster.ID) -> Bool { state.withLock { $0.roster.isWaiting(id) } }

    /// Whether the process is there no more.
    private func isGone(_ id: ServerRoster.ID) -> Bool { state.withLock { $0.roster.members[id] == nil } }

    private func couldNotStart(_ id: ServerRoster.ID, _ place: Int, _ error: IPCError) {
        advance { state in
            guard state.roster.members[id]?.phase.isLeaving == false else {
                return state.roster.left(id, telling: nil)
            }
            let death = ServerRoster.Death(
                error: error, couldNotRun: true, event: .workerFailedToStart(place: place, error: error))
            return state.roster.died(id, death, at: .now)
        }
    }

    /// Hears what a process says until it says nothing more.
    ///
    /// - Returns: why it must go; nil when it went by itself.
    private func read(_ id: ServerRoster.ID, _ process: ServerProcess) async -> IPCError? {
        var deadline = Deadline.after(options.readyTimeout)
        do throws(IPCError) {
            while let report = try await process.nextReport(until: deadline) {
                switch report {
                case .ready:
                    deadline = .never
                    advance { $0.roster.ready(id, at: .now) }
                case .replace(let fault):
                    let error = fault.map {
                        IPCError(
                            .workerCrashed, "worker \(process.place) cannot serve any more: \($0)",
                            object: "process \(process.child.processID)")
                    }
                    advance { $0.roster.replace(id, fault: error, at: .now) }
                }
            }
            return nil
        } catch {
            guard error.code == .timedOut else { return error }
            return IPCError(
                .handshakeFailed,
                "start a worker: it did not accept connections within \(options.readyTimeout). The main of a worker's program "
                    + "must call MultiProcessServer.serveIfWorker(role: \"\(options.role)\") first, and that forEachConnection",
                object: options.executable.displayName)
        }
    }

    private func isGone(_ id: ServerRoster.ID, row: Int, _ crash: WorkerCrash, _ failure: IPCError?) {
        advance { state in
            guard let member = state.roster.members[id] else { return [] }
            // With the member, so that nobody gets a row that is still another's.
            board.leave(row: row)
            state.processes[id] = nil
            let wasKilled = state.killed.remove(id) != nil
            guard !member.phase.isLeaving else {
                if wasKilled {
                    return state.roster.left(
                        id, telling: .workerKilled(place: member.place, processID: crash.processID))
                }
                return state.roster.left(
                    id,
                    telling: crash.status?.isSuccess == false
                        ? .workerCrashed(place: member.place, crash: crash)
                        : .workerLeft(place: member.place, processID: crash.processID))
            }
            let wasReady = member.phase.isReady
            if let failure {
                let error = failure.code == .handshakeFailed ? failure : crash.serverError(": \(failure.message)")
                return state.roster.died(
                    id, .init(error: error, event: .workerFailedToStart(place: member.place, error: error)), at: .now)
            }
            let error = crash.serverError(wasReady ? " while it served" : " before it accepted connections")
            return state.roster.died(
                id, .init(error: error, event: .workerCrashed(place: member.place, crash: crash)), at: .now)
        }
    }

    /// Asks a process to leave, and kills it when it has not left in time.
    private func dismiss(_ id: ServerRoster.ID) async {
        let start = ContinuousClock.now
        while true {
            let (process, grace, isLast) = state.withLock { ($0.processes[id], $0.grace, $0.roster.isEnding) }
            if let process {
                let left = max(.zero, grace - (ContinuousClock.now - start))
                try? await ServerControl.send(
                    .leave(grace: left.nanosecondsClamped, emptiesQueue: isLast), to: process.control)
            }
            let hasProcess = process != nil
            do throws(IPCError) {
                let isOver = try await bell.wait(until: .at(start + grace + Self.margin), "dismiss a worker") {
                    () -> Bool? in
                    if isGone(id) { return true }
                    let (isThere, now) = state.withLock { ($0.processes[id] != nil, $0.grace) }
                    return isThere != hasProcess || now != grace ? false : nil
                }
                if isOver { return }
            } catch {
                guard
                    let process = state.withLock({ state in
                        state.killed.insert(id)
                        return state.processes[id]
                    })
                else { return }
                _ = try? await process.child.kill()
                return
            }
        }
    }
}
