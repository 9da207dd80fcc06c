public import IPCSignals
public import IPCSockets
import IPCSystem

/// Serves at `address` until a signal asks for the end, and then ends gracefully: all that the main of a server does after
/// ``MultiProcessServer/serveIfWorker(role:_:)``.
///
/// ```swift
/// try await runMultiProcessServer(at: .unix(path: "/run/echo.sock"))
/// ```
///
/// - SIGTERM or SIGINT: the workers finish their connections within ``MultiProcessServerOptions/grace`` and leave. A second
///   one kills those that are left.
/// - SIGHUP: ``MultiProcessServer/rollingRestart(until:)``. Whether it went well is told by ``MultiProcessServer/events``.
///
/// The signals are received from before the first worker is started until after the last one is gone, so one that comes
/// early is not lost and ends nothing ungracefully. Only before this function is called they do what they would do anyway.
/// When all workers accept, the manager of this process is told that it is ready (``Readiness/announce(_:)``), and `body`
/// begins.
///
/// Cancelling the task ends the server gracefully, too.
///
/// - Parameters:
///   - address: where to serve.
///   - workers: how many processes.
///   - options: everything else.
///   - ending: the signals that ask for the end; none: only cancellation and failure end it.
///   - reloading: the signals that ask for a rolling restart.
///   - body: what this process does while the server serves. The server serves on when it returns, and ends when it throws; it
///     is cancelled when the server is to end.
/// - Throws: as ``withMultiProcessServer(at:workers:options:_:)-(SocketAddress,_,_,_)``; `.restartLimitReached` and the like
///   when the server gives up; `.timedOut` after a second signal; as `Signals.with(_:buffering:chaining:body:)` does;
///   `.cancelled`.
public func runMultiProcessServer(
    at address: SocketAddress, workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    endingOn ending: Set<Signal> = [.terminate, .interrupt], reloadingOn reloading: Set<Signal> = [.hangUp],
    _ body: @escaping @Sendable (MultiProcessServer) async throws -> Void = { _ in }
) async throws {
    try await MultiProcessServer.run(.at([address]), workers, options, ending, reloading, body)
}

/// The same at several addresses: each worker accepts at all of them.
public func runMultiProcessServer(
    at addresses: [SocketAddress], workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    endingOn ending: Set<Signal> = [.terminate, .interrupt], reloadingOn reloading: Set<Signal> = [.hangUp],
    _ body: @escaping @Sendable (MultiProcessServer) async throws -> Void = { _ in }
) async throws {
    try await MultiProcessServer.run(.at(addresses), workers, options, ending, reloading, body)
}

/// The same with sockets that listen already, as ``withMultiProcessServer(on:workers:options:_:)`` takes them.
public func runMultiProcessServer(
    on listeners: SocketListener..., workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    endingOn ending: Set<Signal> = [.terminate, .interrupt], reloadingOn reloading: Set<Signal> = [.hangUp],
    _ body: @escaping @Sendable (MultiProcessServer) async throws -> Void = { _ in }
) async throws {
    try await MultiProcessServer.run(.on(listeners), workers, options, ending, reloading, body)
}

extension MultiProcessServer {
    fileprivate static func run(
        _ site: ServerSite, _ workers: WorkerCount, _ options: MultiProcessServerOptions, _ ending: Set<Signal>,
        _ reloading: Set<Signal>, _ body: @escaping @Sendable (MultiProcessServer) async throws -> Void
    ) async throws {
        let started = StartedServer()
        let run = SignalledRun(ending: ending, others: reloading) {
            // Whom it finds not started yet starts with what there is now.
            started.server.withLock { $0 }?.beginRollingRestart()
        } hurry: {
            await started.server.withLock { $0 }?.shutDown(grace: .zero)
        }
        try await run.perform {
            try await with(site, workers, options, opened: { server in started.server.withLock { $0 = server } }) {
                server in
                await Readiness.announceIfPossible()
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask { try await body(server) }
                    group.addTask { try await server.serveUntilFailure() }
                }
            }
        }
    }

    /// Serves until a signal asks for the end, and then ends gracefully, in the body of `withMultiProcessServer`.
    ///
    /// The signals are those of ``runMultiProcessServer(at:workers:options:endingOn:reloadingOn:_:)-(SocketAddress,_,_,_,_,_)``.
    /// One that comes before this is called does what the program lets it do, which mostly is to end the process at once, and
    /// the workers with it; that function receives them from the start.
    ///
    /// - Parameters:
    ///   - ending: the signals that ask for the end; none: only cancellation and failure end it.
    ///   - reloading: the signals that ask for a rolling restart.
    /// - Throws: `.restartLimitReached` and the like when the server gives up; `.timedOut` after a second signal; as
    ///   `Signals.with(_:buffering:chaining:body:)` does; `.cancelled`.
    public func run(
        endingOn ending: Set<Signal> = [.terminate, .interrupt], reloadingOn reloading: Set<Signal> = [.hangUp]
    ) async throws {
        let run = SignalledRun(ending: ending, others: reloading) {
            self.beginRollingRestart()
        } hurry: {
            await self.shutDown(grace: .zero)
        }
        try await run.perform { try await self.serveUntilFailure() }
    }

    /// Returns by throwing alone. Cancelled, it ends the server first, whatever else the program still does.
    private func serveUntilFailure() async throws(IPCError) {
        do throws(IPCError) {
            try await waitForFailure()
        } catch {
            if error.isCancellation { await shutDown() }
            throw error
        }
    }
}

/// The server, once it is there.
private final class StartedServer: Sendable {
    let server = Lock<MultiProcessServer?>(nil)
}
