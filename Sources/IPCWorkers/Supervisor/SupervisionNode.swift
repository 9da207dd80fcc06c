import IPCSystem
import Synchronization

/// One supervisor of a tree. One task (``run()``) starts and stops its children, one after another; what they report is
/// noted under the lock, and that task looks again.
final class SupervisionNode: Sendable {
    enum Phase: Sendable {
        /// Is to be started, not before that.
        case idle(Deadline)
        case starting
        case ready(since: ContinuousClock.Instant)
        case stopping
        /// Has ended by itself; nil: well.
        case ended(IPCError?)
        /// Is not started again.
        case over

        var isSettled: Bool {
            switch self {
            case .ready, .over: true
            default: false
            }
        }
    }

    enum Running: Sendable {
        case process(SupervisedProcess)
        case node(SupervisionNode, Task<Void, Never>)
    }

    struct Slot: Sendable {
        var phase = Phase.idle(.now)
        var running: Running?
        /// Which start it is, so that what a former process reports is not taken for news of this one.
        var incarnation = 0
        var hasBeenReady = false
        var restarts = 0
        /// Deaths in a row, soon after the start.
        var deaths = 0
        var status: String?
    }

    struct State: Sendable {
        var slots: [Slot]
        var tally: RestartTally
        var isStopping = false
        var isOver = false
        var failure: IPCError?
    }

    let children: [SupervisedChild]
    let options: SupervisorOptions
    /// Empty at the top.
    let path: String
    let shared: SupervisionShared
    let state: Lock<State>

    init(_ children: [SupervisedChild], _ options: SupervisorOptions, path: String, _ shared: SupervisionShared) {
        self.children = children
        self.options = options
        self.path = path
        self.shared = shared
        state = Lock(
            State(slots: children.map { _ in Slot() }, tally: RestartTally(options.restartLimit)))
    }

    func path(of index: Int) -> String { path.isEmpty ? children[index].name : "\(path)/\(children[index].name)" }

    /// Whether each child is ready, or over by itself.
    var isComplete: Bool { state.withLock { !$0.isStopping && $0.slots.allSatisfy(\.phase.isSettled) } }

    func requestStop() {
        state.withLock { $0.isStopping = true }
        shared.bell.ring()
    }

    // MARK: The loop

    private enum Work {
        case stop
        case recover(Int, IPCError?)
        case start(Int)
        case noteReady(Int)
        case finish
        /// Until something is reported, or the time has come.
        case wait(Deadline)
    }

    /// Keeps the children running until it is stopped, has given up, or all of them are over.
    ///
    /// - Returns: why it gave up.
    func run() async -> IPCError? {
        var isOver = false
        while !isOver {
            switch next() {
            case .stop:
                for index in children.indices.reversed() { await stop(index) }
                isOver = true
            case .recover(let index, let error): await recover(index, error)
            case .start(let index): await start(index)
            case .noteReady(let index): note(index, incarnation: state.withLock { $0.slots[index].incarnation }, .ready)
            case .finish: isOver = true
            case .wait(let deadline):
                _ = try? await shared.bell.wait(until: deadline, "supervise") { () -> Bool? in
                    if case .wait = next() { return nil }
                    return true
                }
            }
        }
        state.withLock { $0.isOver = true }
        shared.bell.ring()
        return state.withLock { $0.failure }
    }

    private func next() -> Work {
        let state = state.withLock { $0 }
        if state.isStopping { return .stop }
        var allBeforeAreSettled = true
        var earliest = Deadline.never
        for (index, slot) in state.slots.enumerated() {
            switch slot.phase {
            case .ended(let error): return .recover(index, error)
            case .idle(let time):
                // Alone, or in order.
                let isFree = options.strategy == .oneForOne && slot.hasBeenReady
                if isFree || allBeforeAreSettled {
                    if time == .now || time.hasPassed { return .start(index) }
                    earliest = min(earliest, time)
                }
            case .starting:
                if case .node(let node, _) = slot.running, node.isComplete { return .noteReady(index) }
            case .ready, .stopping, .over: break
            }
            if !slot.phase.isSettled { allBeforeAreSettled = false }
        }
        let isFinished = state.slots.allSatisfy { if case .over = $0.phase { true } else { false } }
        return isFinished ? .finish : .wait(earliest)
    }

    // MARK: One child

    private func start(_ index: Int) async {
        let child = children[index]
        let path = path(of: index)
        let incarnation = state.withLock { state in
            state.slots[index].incarnation += 1
            state.slots[index].phase = .starting
            return state.slots[index].incarnation
        }
        switch child.kind {
        case .program(let program):
            do throws(IPCError) {
                let process = try await SupervisedProcess.start(child, program, path: path) { [self] report in
                    note(index, incarnation: incarnation, report)
                }
                state.withLock { $0.slots[index].running = .process(process) }
                shared.tell(.started(path: path, processID: process.child.processID))
                process.watch()
            } catch {
                note(index, incarnation: incarnation, .ended(error))
            }
        case .supervisor(let options, let inner):
            let node = SupervisionNode(inner, options, path: path, shared)
            let task = Task(executorPreference: IPCExecutor.shared) { [self] in
                note(index, incarnation: incarnation, .ended(await node.run()))
            }
            state.withLock { $0.slots[index].running = .node(node, task) }
            shared.bell.ring()
        }
    }

    /// Takes in what a child reports.
    private func note(_ index: Int, incarnation: Int, _ report: SupervisedProcess.Report) {
        let path = path(of: index)
        let event = state.withLock { state -> SupervisorEvent? in
            guard state.slots[index].incarnation == incarnation else { return nil }
            switch (report, state.slots[index].phase) {
            case (.ready, .starting):
                state.slots[index].phase = .ready(since: .now)
                state.slots[index].hasBeenReady = true
                return .ready(path: path)
            case (.status(let text), _):
                state.slots[index].status = text
                return .status(path: path, text)
            case (.unhealthy(let reason), .starting), (.unhealthy(let reason), .ready):
                return .unhealthy(path: path, reason: reason)
            case (.ended(let error), .starting), (.ended(let error), .ready):
                forgive(&state.slots[index])
                state.slots[index].phase = .ended(error)
                state.slots[index].running = nil
                return error.map { .crashed(path: path, $0) } ?? .finished(path: path)
            default: return nil
            }
        }
        if let event { shared.tell(event) }
        shared.bell.ring()
    }

    /// Who has lived for long has no earlier deaths.
    private func forgive(_ slot: inout Slot) {
        if case .ready(let since) = slot.phase, .now - since >= options.restartBackoff.maximum { slot.deaths = 0 }
    }

    /// Stops a child and waits until it and what it has started are gone.
    ///
    /// - Returns: whether it is to run again if its neighbours do. Who is over stays so, also when nobody has looked at its end
    ///   yet.
    @discardableResult
    private func stop(_ index: Int) async -> Bool {
        let (running, isWanted) = state.withLock { state -> (Running?, Bool) in
            var isWanted = children[index].restart != .temporary
            switch state.slots[index].phase {
            case .starting, .ready: state.slots[index].phase = .stopping
            case .ended(let error): isWanted = children[index].isWanted(after: error)
            case .over: isWanted = false
            case .idle, .stopping: break
            }
            return (state.slots[index].running.take(), isWanted)
        }
        switch running {
        case .process(let process):
            await shared.end(process.child, grace: children[index].grace)
            await process.waitUntilBuried()
        case .node(let node, let task):
            node.requestStop()
            await task.value
        case nil: break
        }
        state.withLock { $0.slots[index].phase = .over }
        if running != nil { shared.tell(.stopped(path: path(of: index))) }
        return isWanted
    }

    // MARK: Crashes

    /// A child has ended: starts it again, with others as the strategy says, or gives up, or leaves it at that.
    private func recover(_ index: Int, _ error: IPCError?) async {
        let child = children[index]
        guard child.isWanted(after: error) else { return state.withLock { $0.slots[index].phase = .over } }
        guard state.withLock({ $0.tally.permits(at: .now) }) else { return giveUp(child, error) }
        let affected =
            switch options.strategy {
            case .oneForOne: index..<(index + 1)
            case .oneForAll: 0..<children.count
            case .restForOne: index..<children.count
            }
        var waking = [index]
        for other in affected.reversed() where other != index {
            if await stop(other) { waking.append(other) }
        }
        let delay = state.withLock { state in
            state.slots[index].deaths += 1
            let delay = options.restartBackoff.delay(afterDeaths: state.slots[index].deaths)
            for other in waking {
                state.slots[other].phase = .idle(other == index && delay > .zero ? .after(delay) : .now)
                state.slots[other].restarts += 1
                state.slots[other].status = nil
            }
            return delay
        }
        shared.tell(.restarting(path: path(of: index), after: delay))
    }

    private func giveUp(_ child: SupervisedChild, _ last: IPCError?) {
        let limit = options.restartLimit
        let name = path.isEmpty ? "the supervisor" : path
        let error = IPCError(
            .restartLimitReached,
            "supervise: children of \(name) were to be started again more than \(limit.count) times in \(limit.interval), so "
                + "it gives up; find out why they end, or raise restartLimit. The last one was \(child.name): "
                + (last?.message ?? "it ended by itself with 0, and is to run always"),
            object: path.isEmpty ? nil : path, detail: last?.detail)
        state.withLock { state in
            state.failure = error
            state.isStopping = true
        }
        shared.tell(.gaveUp(path: path, error))
    }
}

extension SupervisedChild {
    /// Whether a child that has ended, well or with an error, is to be started again.
    fileprivate func isWanted(after error: IPCError?) -> Bool {
        // A supervisor whose children are all over for good is over itself.
        if case .supervisor = kind, error == nil { return false }
        return switch restart {
        case .permanent: true
        case .transient: error != nil
        case .temporary: false
        }
    }
}
