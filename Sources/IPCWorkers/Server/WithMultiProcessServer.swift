public import IPCSockets
import IPCSystem

/// Listens at `address`, starts worker processes that accept there, runs `body`, and ends them.
///
/// ```swift
/// @main struct App {
///     static func main() async throws {
///         try await MultiProcessServer.serveIfWorker { worker in  // in a worker: never returns
///             try await worker.forEachConnection { connection in
///                 while try await worker.waitForRequest(on: connection), let bytes = try await connection.read() {
///                     try await connection.write(bytes)
///                     worker.countRequest()
///                 }
///             }
///         }
///         try await withMultiProcessServer(at: .unix(path: "/run/echo.sock")) { server in
///             for await event in server.events { print(event) }
///         }
///     }
/// }
/// ```
///
/// A program that serves until a signal tells it to end has nothing more to do than
/// ``runMultiProcessServer(at:workers:options:endingOn:reloadingOn:_:)-(SocketAddress,_,_,_,_,_)``.
///
/// The body runs once all workers accept. The workers are this program, started again (or
/// ``MultiProcessServerOptions/executable``); its `main` must begin with ``MultiProcessServer/serveIfWorker(role:_:)``. They get no
/// descriptor but those that the library and ``MultiProcessServerOptions/sharing`` give them, and they die with this process,
/// even when that is killed.
///
/// Whatever way the body ends, the address is given up first; then the workers finish their connections within
/// ``MultiProcessServerOptions/grace`` and leave, and those that do not are killed. Cancellation does not cut that short:
/// ``MultiProcessServer/shutDown(grace:)`` does.
///
/// - Throws: what `SocketListener.listen(at:options:until:)` throws, `.addressInUse` also for
///   ``MultiProcessServerOptions/name``; `.unsupported` in a worker; when the workers do not come up, what is said at
///   ``MultiProcessServer/waitUntilReady(until:)``; what `body` throws.
public func withMultiProcessServer<Result>(
    at address: SocketAddress, workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    _ body: (MultiProcessServer) async throws -> Result
) async throws -> Result {
    try await MultiProcessServer.with(.at([address]), workers, options, body)
}

/// The same at several addresses: each worker accepts at all of them. By `SocketConnection.localAddress` it can tell where a
/// connection came in.
///
/// - Throws: as with one address; `.invalidArgument` for none and for more than 16.
public func withMultiProcessServer<Result>(
    at addresses: [SocketAddress], workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    _ body: (MultiProcessServer) async throws -> Result
) async throws -> Result {
    try await MultiProcessServer.with(.at(addresses), workers, options, body)
}

/// The same with sockets that listen already: those that a service manager made (`SocketActivation`), for example.
///
/// The listeners are the server's from now on, and closed at its end. What a listener says of its own connections
/// (`SocketListenerOptions.authorization` and so on) is the workers' affair.
///
/// - Throws: as ``withMultiProcessServer(at:workers:options:_:)-(SocketAddress,_,_,_)``; `.invalidArgument` for
///   ``MultiProcessServerOptions/Distribution/queuePerWorker``, because each socket is one queue.
public func withMultiProcessServer<Result>(
    on listeners: SocketListener..., workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    _ body: (MultiProcessServer) async throws -> Result
) async throws -> Result {
    try await MultiProcessServer.with(.on(listeners), workers, options, body)
}

/// Where a server is to listen.
enum ServerSite: Sendable {
    case at([SocketAddress])
    case on([SocketListener])
}

extension MultiProcessServer {
    /// A server's whole life.
    ///
    /// - Parameter opened: is given it before the first worker is started.
    static func with<Result>(
        _ site: ServerSite, _ workers: WorkerCount, _ options: MultiProcessServerOptions,
        opened: (MultiProcessServer) -> Void = { _ in }, _ body: (MultiProcessServer) async throws -> Result
    ) async throws -> Result {
        let server = try await open(site, min(workers.resolved, options.maximumWorkers), options)
        opened(server)
        server.advance { $0.roster.open() }
        // Tasks of their own: the end of the workers is not cut short by the cancellation of this one.
        let manager = Task(executorPreference: IPCExecutor.shared) { await server.manage() }
        let outcome: Swift.Result<Result, any Error>
        do {
            try await server.waitUntilReady()
            outcome = .success(try await body(server))
        } catch {
            outcome = .failure(error)
        }
        await server.shutDown()
        await manager.value
        server.board.end()
        return try outcome.get()
    }

    private static func open(
        _ site: ServerSite, _ count: Int, _ options: MultiProcessServerOptions
    ) async throws(IPCError) -> MultiProcessServer {
        var listeners: [SocketListener] = []
        if case .on(let given) = site { listeners = given }
        do throws(IPCError) {
            if let refusal = ServerRole.refusal { throw refusal }
            switch site {
            case .on:
                guard options.distribution == .oneQueue else {
                    throw IPCError(
                        .invalidArgument, "open a server: a socket that listens already is one queue for all workers")
                }
                try options.check(listeners.map(\.address), workers: count)
            case .at(let addresses):
                try options.check(addresses, workers: count)
                let patience = Deadline.after(options.addressPatience)
                for address in addresses {
                    listeners.append(try await listen(at: address, options, until: patience))
                }
            }
            return try await open(listeners, count, options)
        } catch {
            for listener in listeners { listener.close() }
            throw error
        }
    }

    private static func open(
        _ listeners: [SocketListener], _ count: Int, _ options: MultiProcessServerOptions
    ) async throws(IPCError) -> MultiProcessServer {
        var queues = ServerQueues(listeners)
        if options.distribution == .queuePerWorker { try queues.grow(to: count, options) }
        do throws(IPCError) {
            let board = try await ServerBoard(
                name: options.name, address: queues.addresses.map(\.description).joined(separator: ", "),
                rowCount: ServerRoster.rowCount(maximumWorkers: options.maximumWorkers),
                until: .after(options.addressPatience))
            return MultiProcessServer(queues, board, workers: count, options)
        } catch {
            for listener in queues.listeners { listener.close() }
            throw error
        }
    }

    /// Listens, and waits a little where the workers of a server that was killed are not gone yet.
    private static func listen(
        at address: SocketAddress, _ options: MultiProcessServerOptions, until patience: Deadline
    ) async throws(IPCError) -> SocketListener {
        var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
        let point = WaitEngine.shared.makeWaitPoint()
        while true {
            do throws(IPCError) {
                return try await SocketListener.listen(at: address, options: options.listenerOptions)
            } catch {
                guard error.code == .addressInUse, !patience.hasPassed else { throw error }
            }
            try await pace.pause(at: point, until: .never, "listen")
        }
    }
}
