public import IPCSockets
import IPCSystem

/// Listens at `address`, starts worker processes that accept there, runs `body`, and ends them.
///
/// ```swift
/// @main struct App {
///     static func main() async throws {
///         try await MultiProcessServer.serveIfWorker { worker in  // in a worker: never returns
///             try await worker.forEachConnection { connection in
///                 while let bytes = try await connection.read() {
///                     try await connection.write(bytes)
///                     worker.countRequest()
///                 }
///             }
///         }
///         try await withMultiProcessServer(at: .unix(path: "/run/echo.sock")) { server in
///             try await server.run()  // SIGTERM and SIGINT end it, SIGHUP restarts the workers
///         }
///     }
/// }
/// ```
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
    let count = min(workers.resolved, options.maximumWorkers)
    try options.check(address, workers: count)
    let patience = Deadline.after(options.addressPatience)
    let listener = try await MultiProcessServer.listen(at: address, options, until: patience)
    return try await withMultiProcessServer(listener, count, options, body)
}

/// The same with a socket that listens already: one that a service manager made (`SocketActivation`), for example.
///
/// The listener is the server's from now on, and closed at its end. What a listener says of its own connections
/// (`SocketListenerOptions.authorization` and so on) is the workers' affair.
///
/// - Throws: as ``withMultiProcessServer(at:workers:options:_:)``; `.invalidArgument` for
///   ``MultiProcessServerOptions/Distribution/queuePerWorker``, because the socket is one queue.
public func withMultiProcessServer<Result>(
    on listener: SocketListener, workers: WorkerCount = .coreCount,
    options: MultiProcessServerOptions = MultiProcessServerOptions(),
    _ body: (MultiProcessServer) async throws -> Result
) async throws -> Result {
    let count = min(workers.resolved, options.maximumWorkers)
    try options.check(nil, workers: count)
    return try await withMultiProcessServer(listener, count, options, body)
}

private func withMultiProcessServer<Result>(
    _ listener: SocketListener, _ count: Int, _ options: MultiProcessServerOptions,
    _ body: (MultiProcessServer) async throws -> Result
) async throws -> Result {
    let server = try await MultiProcessServer.open(listener, count, options)
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

extension MultiProcessServer {
    /// Listens, and waits a little where the workers of a server that was killed are not gone yet.
    fileprivate static func listen(
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

    fileprivate static func open(
        _ listener: SocketListener, _ count: Int, _ options: MultiProcessServerOptions
    ) async throws(IPCError) -> MultiProcessServer {
        do throws(IPCError) {
            if let refusal = ServerRole.refusal { throw refusal }
            var listeners = [listener]
            while options.distribution == .queuePerWorker && listeners.count < count {
                listeners.append(try listen(at: listener.address, options))
            }
            let board = try await ServerBoard(
                name: options.name, address: listener.address.description,
                rowCount: ServerRoster.rowCount(maximumWorkers: options.maximumWorkers),
                until: .after(options.addressPatience))
            let server = MultiProcessServer(listeners, board, workers: count, options)
            server.advance { $0.roster.open() }
            return server
        } catch {
            listener.close()
            throw error
        }
    }
}
