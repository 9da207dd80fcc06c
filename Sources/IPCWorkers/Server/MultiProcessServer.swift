public import IPCSockets
import IPCSystem
import Synchronization

/// Processes that serve one address, or several, together. Made by ``withMultiProcessServer(at:workers:options:_:)-(SocketAddress,_,_,_)`` and
/// ``runMultiProcessServer(at:workers:options:endingOn:reloadingOn:_:)-(SocketAddress,_,_,_,_,_)``.
///
/// The server listens and starts the workers; the workers accept. The server itself never touches a connection, so nothing
/// that a client sends can bring it down. What each side sees when a process is killed:
///
/// | killed | then |
/// |---|---|
/// | a worker before it is ready | it is replaced, after a pause if that happens again; in a rolling restart the old one goes on serving and ``rollingRestart(until:)`` throws |
/// | a worker that serves | its clients see the end of their connections, nobody else's; who waits to be accepted is accepted by another one, or by its replacement |
/// | a worker between taking a connection and serving it | that client sees the end of its connection |
/// | a worker that is leaving | its clients see the end of their connections; the new one serves already |
/// | workers, again and again | `.restartLimitReached` with the last crash (``IPCError/workerCrash``): the server has given up, its workers leave, the address refuses |
/// | the server (SIGKILL) | the kernel kills every worker. Clients see the end of their connections, and connecting is refused; address and name are free for the next one once the workers are gone, which takes milliseconds |
///
/// A worker that is stuck, also in code that ignores SIGTERM, is killed at the end of the grace
/// (``MultiProcessServerOptions/grace``) with its process group.
public final class MultiProcessServer: Sendable {
    struct State: Sendable {
        var roster: ServerRoster
        /// The processes that run.
        var processes: [ServerRoster.ID: ServerProcess] = [:]
        /// Who was killed because it did not leave.
        var killed: Set<ServerRoster.ID> = []
        var rolls = 0
        /// Until when those who leave may take, once the server is over.
        var grace: Duration
        var queues: ServerQueues
        /// Who is being told of its queues; whether that is to be done once more.
        var assigning: [ServerRoster.ID: Bool] = [:]
    }

    /// Where it serves: with the port that the kernel chose, if it was to choose one. The first address where it has several.
    public var address: SocketAddress { addresses[0] }
    /// All addresses where it serves, in the order in which they were given.
    public let addresses: [SocketAddress]
    /// What it was opened with.
    public let options: MultiProcessServerOptions
    let board: ServerBoard
    let state: Lock<State>
    let bell = ChangeBell()
    let hub = EventHub<ServerEvent>()
    let steps: AsyncStream<ServerRoster.Step>
    let stepSink: AsyncStream<ServerRoster.Step>.Continuation

    init(_ queues: ServerQueues, _ board: ServerBoard, workers: Int, _ options: MultiProcessServerOptions) {
        addresses = queues.addresses
        self.options = options
        self.board = board
        let roster = ServerRoster(
            target: workers, maximumWorkers: options.maximumWorkers, limit: options.restartLimit,
            backoff: options.restartBackoff)
        state = Lock(State(roster: roster, grace: options.grace, queues: queues))
        (steps, stepSink) = AsyncStream<ServerRoster.Step>.makeStream()
    }

    // MARK: What it does

    /// What happens from now on: each call begins a sequence of its own, which ends with the server. A sequence that nobody
    /// reads keeps the last 1,024.
    public var events: AsyncStream<ServerEvent> { hub.subscribe() }

    /// What all workers have done so far.
    public var statistics: ServerStatistics {
        get throws(IPCError) {
            // With the lock the server changes nothing; what /proc says comes after it.
            let copy = state.withLock { _ in board.copy() }
            return try withExtendedLifetime(copy) { () throws(IPCError) in try ServerStatistics(copy.bytes) }
        }
    }

    /// Why the server has given up; nil while it serves.
    public var failure: IPCError? { state.withLock { $0.roster.failure } }

    /// How many workers there are to be.
    public var workerCount: Int { state.withLock { $0.roster.target } }

    /// Waits until each place has a worker that accepts. Where a worker has died, that is when it was replaced.
    ///
    /// - Throws: `.restartLimitReached` and the like when the server gives up; `.timedOut`, `.cancelled`; `.closed` after its
    ///   end.
    public func waitUntilReady(until deadline: Deadline = .never) async throws(IPCError) {
        try await wait(until: deadline, "wait for the workers") { $0.isComplete }
    }

    /// Replaces all workers, one after another, without refusing or losing a connection: a new one is started, and when it
    /// accepts the old one stops accepting, finishes its connections within ``MultiProcessServerOptions/grace`` and leaves.
    ///
    /// Returns when the last old worker is gone. With ``MultiProcessServerOptions/executable`` given by path, the new ones run
    /// what is at the path by then.
    ///
    /// - Throws: when a new worker does not come up, what it died of: the old ones that were not replaced yet go on serving,
    ///   and nobody is tried again. `.restartLimitReached`, `.closed`. `.timedOut` and `.cancelled` end the wait, not the
    ///   restart.
    public func rollingRestart(until deadline: Deadline = .never) async throws(IPCError) {
        let version = try act(Self.roll)
        try await wait(until: deadline, "restart the workers") { (roster: ServerRoster) throws(IPCError) in
            if roster.hasRolled(to: version) { return true }
            if let failed = roster.lastFailedRoll, failed.version >= version { throw failed.error }
            return false
        }
    }

    private static func roll(_ state: inout State) throws(IPCError) -> (Int, [ServerRoster.Step]) {
        state.rolls += 1
        return state.roster.roll()
    }

    /// The same without waiting for it.
    func beginRollingRestart() {
        // A server that is over restarts nobody.
        _ = try? act(Self.roll)
    }

    /// Changes the number of workers, without refusing or losing a connection. Those who go finish theirs as in a rolling
    /// restart.
    ///
    /// Returns when there are so many that accept, and those who go accept no more.
    ///
    /// - Throws: `.invalidArgument` for less than 1 or more than ``MultiProcessServerOptions/maximumWorkers``;
    ///   `.resourceExhausted` without descriptors for more queues; `.restartLimitReached`, `.closed`; `.timedOut` and
    ///   `.cancelled` end the wait, not the change.
    public func scale(to count: Int, until deadline: Deadline = .never) async throws(IPCError) {
        try options.check(addresses, workers: count)
        try act { (state: inout State) throws(IPCError) in
            if options.distribution == .queuePerWorker { try state.queues.grow(to: count, options) }
            return ((), state.roster.scale(to: count))
        }
        try await wait(until: deadline, "change the number of workers") { $0.isComplete }
    }

    /// Waits until the server gives up, and throws why.
    ///
    /// - Throws: always: that, or `.cancelled`, or `.closed` when it was shut down.
    func waitForFailure() async throws(IPCError) {
        try await wait(until: .never, "serve") { _ in false }
    }

    /// Asks all workers to finish and leave within `grace`, and returns when they are gone. After this the server is over;
    /// the end of `withMultiProcessServer` does the same. Cancellation does not cut it short; calling it again
    /// with less grace does.
    ///
    /// - Parameter grace: nil for ``MultiProcessServerOptions/grace``.
    public func shutDown(grace: Duration? = nil) async {
        let steps = state.withLock { state in
            state.grace = min(grace ?? options.grace, state.grace)
            return state.roster.close()
        }
        closeListeners()
        perform(steps)
        // Also those who are leaving already get no more time than this.
        if state.withLock({ $0.grace }) < options.grace { bell.ring() }
        let server = self
        await Task {
            try? await server.bell.wait("shut down a server") { server.state.withLock { $0.roster.isEmpty } ? () : nil }
        }.value
    }

    /// Nobody connects any more, and the address is free for others.
    func closeListeners() {
        for listener in state.withLock({ $0.queues }).listeners { listener.close() }
    }

    // MARK: For the rest of it

    /// Waits until the roster is as it should be.
    private func wait(
        until deadline: Deadline, _ doing: StaticString, _ isSo: (ServerRoster) throws(IPCError) -> Bool
    ) async throws(IPCError) {
        _ = try await bell.wait(until: deadline, doing) { () throws(IPCError) -> Bool? in
            let roster = state.withLock { $0.roster }
            if let failure = roster.failure { throw failure }
            if roster.isClosing { throw .closed("\(doing)") }
            return try isSo(roster) ? true : nil
        }
    }

    /// Takes one step of the roster for a user and has it carried out.
    private func act<Result>(
        _ body: (inout State) throws(IPCError) -> (Result, [ServerRoster.Step])
    ) throws(IPCError) -> Result {
        let (result, steps) = try state.withLock { state throws(IPCError) in
            if let failure = state.roster.failure { throw failure }
            if state.roster.isClosing { throw .closed("use a server") }
            return try body(&state)
        }
        perform(steps)
        return result
    }
}
