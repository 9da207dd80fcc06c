public import IPCSignals
import IPCSystem
import Synchronization

/// A tree of long-lived children that are started in order, watched, started again when they crash, and stopped in reverse
/// order. Made by ``withSupervisor(options:_:_:)``.
///
/// What happens when a process is killed:
///
/// | killed | then |
/// |---|---|
/// | a child, before it is ready | it has crashed: as below, after a pause if that happens again; those after it wait |
/// | a child that is ready | it is started again, with others as ``SupervisorOptions/strategy`` says, unless its ``SupervisedChild/restart`` says no |
/// | a child while it is being stopped | it is stopped |
/// | children, again and again | the supervisor gives up: it stops all children, and crashes itself. At the top ``run(endingOn:)`` throws `.restartLimitReached` with the last crash |
/// | the process of the supervisor (SIGKILL) | the kernel kills the children (``ChildProcess/Options/parentDeathSignal``); what they have started in turn goes on, unless it looks for itself |
///
/// What a child leaves in its process group is killed with it.
public final class Supervisor: Sendable {
    let shared = SupervisionShared()
    let root: SupervisionNode

    init(_ children: [SupervisedChild], _ options: SupervisorOptions) {
        root = SupervisionNode(children, options, path: "", shared)
    }

    /// What happens from now on, in the whole tree: each call begins a sequence of its own, which ends with the supervisor. A
    /// sequence that nobody reads keeps the last 1,024.
    public var events: AsyncStream<SupervisorEvent> { shared.hub.subscribe() }

    /// How a child stands.
    public struct ChildStatus: Sendable, Hashable {
        /// Its name, after those of the supervisors that it is in.
        public var path: String
        /// Its process; nil for a supervisor, and while none runs.
        public var processID: Int32?
        /// Whether it is ready.
        public var isReady: Bool
        /// How often it was started again.
        public var restarts: Int
        /// What it last said it does: ``Readiness/report(_:)``.
        public var status: String?
    }

    /// All children, in the order in which they are started, each supervisor before those in it.
    public var children: [ChildStatus] { Self.list(root) }

    private static func list(_ node: SupervisionNode) -> [ChildStatus] {
        let slots = node.state.withLock { $0.slots }
        return slots.enumerated().flatMap { index, slot -> [ChildStatus] in
            var isReady = false
            if case .ready = slot.phase { isReady = true }
            var status = ChildStatus(
                path: node.path(of: index), processID: nil, isReady: isReady, restarts: slot.restarts,
                status: slot.status)
            switch slot.running {
            case .process(let process): status.processID = process.child.processID
            case .node(let inner, _): return [status] + list(inner)
            case nil: break
            }
            return [status]
        }
    }

    /// Waits until every child is ready, or over for good.
    ///
    /// - Throws: `.restartLimitReached` when the supervisor gives up; `.closed` after its end; `.timedOut`, `.cancelled`.
    public func waitUntilReady(until deadline: Deadline = .never) async throws(IPCError) {
        try await wait(until: deadline, "wait for the children") { root.isComplete }
    }

    /// Supervises until a signal asks for the end, and then stops the children in reverse order: what the body of a supervisor
    /// mostly is. It also returns when all children are over for good.
    ///
    /// SIGTERM and SIGINT ask for the end; a second one kills those that are left. Cancelling the task ends it, too. A signal
    /// that comes before this is called does what the program lets it do, which mostly is to end the process at once, and the
    /// children with it; ``runSupervisor(options:_:endingOn:_:)`` receives signals from the start.
    ///
    /// - Throws: `.restartLimitReached` when the supervisor gives up; `.timedOut` after a second signal; as
    ///   `Signals.with(_:buffering:chaining:body:)` does; `.cancelled`.
    public func run(endingOn ending: Set<Signal> = [.terminate, .interrupt]) async throws {
        // The children have a grace each, one after another; the second signal is what cuts it short.
        let run = SignalledRun(ending: ending) { self.shared.hurry() }
        try await run.perform { try await self.superviseUntilCancelled() }
    }

    private func superviseUntilCancelled() async throws(IPCError) {
        do throws(IPCError) {
            try await wait(until: .never, "supervise") { false }
        } catch {
            if error.code == .closed { return }
            if error.isCancellation { await shutDown() }
            throw error
        }
    }

    /// Stops the children in reverse order, each with its grace, and returns when they are gone. The end of
    /// ``withSupervisor(options:_:_:)`` does the same. Cancellation does not cut it short.
    ///
    /// - Parameter isHurried: whether nobody gets any grace, also not those who are being stopped already.
    public func shutDown(isHurried: Bool = false) async {
        if isHurried { shared.hurry() }
        root.requestStop()
        let supervisor = self
        await Task {
            try? await supervisor.shared.bell.wait("stop the children") {
                supervisor.root.state.withLock { $0.isOver } ? () : nil
            }
        }.value
    }

    private func wait(
        until deadline: Deadline, _ doing: StaticString, _ isSo: () -> Bool
    ) async throws(IPCError) {
        _ = try await shared.bell.wait(until: deadline, doing) { () throws(IPCError) -> Bool? in
            let (failure, isEnding) = root.state.withLock { ($0.failure, $0.isStopping || $0.isOver) }
            if let failure { throw failure }
            // Who is over by itself may be what is waited for.
            if isSo() { return true }
            if isEnding { throw .closed("\(doing)") }
            return nil
        }
    }
}

/// Starts children in order, each when the one before is ready, runs `body`, and stops them in reverse order.
///
/// ```swift
/// try await withSupervisor(options: .init(strategy: .restForOne), [
///     .program("store", "/usr/libexec/store", readyWhen: .announced(within: .seconds(30))),
///     .supervisor("web", [
///         .program("front", "/usr/libexec/front", healthCheck: .watchdog(every: .seconds(10))),
///         .program("mailer", "/usr/libexec/mailer", restart: .transient),
///     ]),
/// ]) { supervisor in
///     for await event in supervisor.events { print(event) }
/// }
/// ```
///
/// A program that supervises until a signal tells it to end has nothing more to do than
/// ``runSupervisor(options:_:endingOn:_:)``.
///
/// The body runs once every child is ready. Whatever way it ends, the children are stopped: asked with SIGTERM, and killed
/// after the grace of each with all that they have started. Cancellation does not cut that short;
/// ``Supervisor/shutDown(isHurried:)`` does.
///
/// - Throws: `.invalidArgument` for children with the same name; `.restartLimitReached` when they do not come up; what `body`
///   throws.
public func withSupervisor<Result>(
    options: SupervisorOptions = SupervisorOptions(), _ children: [SupervisedChild],
    _ body: (Supervisor) async throws -> Result
) async throws -> Result {
    try SupervisedChild.check(children)
    return try await Supervisor(children, options).with(body)
}

/// Supervises until a signal asks for the end, and then stops the children in reverse order: all that the main of a
/// supervisor does. It also returns when all children are over for good.
///
/// ```swift
/// try await runSupervisor([.program("store", "/usr/libexec/store"), .program("front", "/usr/libexec/front")])
/// ```
///
/// SIGTERM and SIGINT ask for the end; a second one kills those that are left. They are received from before the first child
/// is started until after the last one is gone, so one that comes early is not lost and ends nothing ungracefully. When
/// every child is ready, the manager of this process is told that it is ready (``Readiness/announce(_:)``), and `body`
/// begins. Cancelling the task ends the supervisor, too.
///
/// - Parameters:
///   - options: how children are started again.
///   - children: what to supervise.
///   - ending: the signals that ask for the end; none: only cancellation, failure and the end of all children end it.
///   - body: what this process does meanwhile. Supervision goes on when it returns, and ends when it throws; it is cancelled
///     when the supervisor is to end.
/// - Throws: as ``withSupervisor(options:_:_:)``; `.restartLimitReached` when the supervisor gives up; `.timedOut` after a
///   second signal; as `Signals.with(_:buffering:chaining:body:)` does; `.cancelled`.
public func runSupervisor(
    options: SupervisorOptions = SupervisorOptions(), _ children: [SupervisedChild],
    endingOn ending: Set<Signal> = [.terminate, .interrupt],
    _ body: @escaping @Sendable (Supervisor) async throws -> Void = { _ in }
) async throws {
    try SupervisedChild.check(children)
    let supervisor = Supervisor(children, options)
    let run = SignalledRun(ending: ending) { supervisor.shared.hurry() }
    try await run.perform {
        try await supervisor.with { supervisor in
            await Readiness.announceIfPossible()
            try await supervisor.supervise(beside: body)
        }
    }
}

extension Supervisor {
    /// The supervisor's whole life.
    fileprivate func with<Result>(_ body: (Supervisor) async throws -> Result) async throws -> Result {
        // A task of its own: stopping is not cut short by the cancellation of this one.
        let loop = Task(executorPreference: IPCExecutor.shared) { [self] in _ = await root.run() }
        let outcome: Swift.Result<Result, any Error>
        do {
            try await waitUntilReady()
            outcome = .success(try await body(self))
        } catch {
            outcome = .failure(error)
        }
        await shutDown()
        await loop.value
        shared.hub.finish()
        return try outcome.get()
    }

    /// Supervises until it is over, with `body` beside it.
    fileprivate func supervise(beside body: @escaping @Sendable (Supervisor) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body(self)
                return false
            }
            group.addTask {
                try await self.superviseUntilCancelled()
                return true
            }
            // The end of the body alone ends nothing.
            while let isOver = try await group.next(), !isOver {}
            group.cancelAll()
        }
    }
}
