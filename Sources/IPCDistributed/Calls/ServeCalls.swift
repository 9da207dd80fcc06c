public import IPCSockets
import IPCSystem

/// Answers calls on every connection that a listener accepts, until the listener is shut down or closed.
///
/// ```swift
/// try await SocketListener.withListener(at: address) { listener in
///     try await serveCalls(on: listener) { handlers in
///         handlers.on(Greet.self) { request, context in "Hello, \(request.name)" }
///     }
/// }
/// ```
///
/// A connection that fails ends alone. When the listener ends, handlers that run may answer for ``CallOptions/gracePeriod``, and
/// requests that still come are declined. When the task is cancelled, all ends at once.
///
/// - Throws: what `accept` throws.
public func serveCalls(
    on listener: SocketListener, options: CallOptions = CallOptions(), socket: SocketOptions = SocketOptions(),
    _ handlers: (inout CallHandlers) -> Void
) async throws(IPCError) {
    try options.check()
    var table = CallHandlers()
    handlers(&table)
    let server = CallServer(options, socket) { [table] channel throws(IPCError) in
        try CallConnection(channel, options, table, system: nil, actorCalls: nil)
    }
    try await server.run(listener)
}

/// The connections of a listener.
final class CallServer: Sendable {
    private let options: CallOptions
    private let socket: SocketOptions
    private let makeConnection: @Sendable (SocketChannel) throws(IPCError) -> CallConnection
    private struct State {
        var connections: [ObjectIdentifier: CallConnection] = [:]
        var isEnding = false
    }

    private let state = Lock(State())

    init(
        _ options: CallOptions, _ socket: SocketOptions,
        _ makeConnection: @escaping @Sendable (SocketChannel) throws(IPCError) -> CallConnection
    ) {
        self.options = options
        self.socket = socket
        self.makeConnection = makeConnection
    }

    func run(_ listener: SocketListener) async throws(IPCError) {
        var failure: IPCError?
        await withDiscardingTaskGroup { group in
            do throws(IPCError) {
                while let accepted = try await listener.accept() {
                    group.addTask { await self.serve(accepted) }
                }
            } catch {
                failure = error
            }
            // The connections that are left: each ends its own task.
            let left = state.withLock { state in
                state.isEnding = true
                return Array(state.connections.values)
            }
            for connection in left {
                if failure == nil {
                    group.addTask { await connection.finish() }
                } else {
                    connection.close()
                }
            }
        }
        if let failure { throw failure }
    }

    private func serve(_ accepted: SocketConnection) async {
        do throws(IPCError) {
            let connection = try makeConnection(try accepted.channel(options: socket))
            let isEnding = state.withLock { state in
                state.connections[ObjectIdentifier(connection)] = connection
                return state.isEnding
            }
            defer { _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(connection)) } }
            if isEnding { await connection.finish() }
            let timeout = options.greetingTimeout
            let limit = Task { [weak connection] in
                guard (try? await Task.sleep(for: timeout)) != nil, let connection else { return }
                if !connection.hasGreeted { connection.close() }
            }
            defer { limit.cancel() }
            // Also when the task is cancelled: the connection ends with it.
            defer { connection.close() }
            try await connection.waitUntilEnd()
        } catch {
            // A peer that goes without a word is nothing to tell of; one that breaks the protocol ends its own connection.
            if error.code != .peerClosed && !error.isCancellation {
                IPCObservation.emit(.log(level: .info, message: "a connection that carries calls ended: \(error)"))
            }
            accepted.close()
        }
    }
}
