import IPCSystem

/// Calls to a server that may be restarted: connects when there is something to ask, and again after the connection was lost.
///
/// ```swift
/// let store = CallConnector { deadline async throws(IPCError) in
///     try CallConnection(over: try await SocketConnection.connect(to: address, until: deadline).channel())
/// }
/// let value = try await store.call(Get(key: "a"), until: .after(.seconds(5)))
/// ```
///
/// A request that was not started when its connection ended is made again. One that may have been done is made again only if its
/// type says that this does no harm (``CallRequest/isIdempotent``); otherwise the call fails, and the caller decides.
public final class CallConnector: Sendable {
    /// Makes a connection: to a socket, or by starting the program that answers. It runs in the task of the call that needs it
    /// first, and ends with its cancellation; `deadline` is that call's.
    public typealias Connect = @Sendable (_ deadline: Deadline) async throws(IPCError) -> CallConnection

    private struct State {
        var connection: CallConnection?
        var isClosed = false
    }

    private let connect: Connect
    private let state = Lock(State())
    /// Held by whoever makes the next connection.
    private let connecting = TaskLock()

    /// Calls over the connections that `connect` makes, one at a time.
    public init(connect: @escaping Connect) {
        self.connect = connect
    }

    deinit { close() }

    /// Asks the server and waits for its reply. See ``CallConnection/call(_:until:)``.
    ///
    /// Where no connection can be made (`.connectionRefused`, `.notFound`, `.peerClosed`, `.unreachable`) it tries again, more
    /// slowly each time up to once a second, until `deadline`.
    ///
    /// - Throws: as ``CallConnection/call(_:until:)`` does, and what else the closure throws, as not started.
    @discardableResult
    public func call<Request: CallRequest>(
        _ request: Request, until deadline: Deadline = .never
    ) async throws(CallError<Request.Failure>) -> Request.Reply {
        var pause = Duration.milliseconds(10)
        while true {
            do throws(CallError<Request.Failure>) {
                return try await attempt(request, until: deadline)
            } catch {
                guard mayRepeat(error, Request.isIdempotent), !deadline.hasPassed else { throw error }
                let rest = deadline.remaining.map { min($0, pause) } ?? pause
                guard (try? await Task.sleep(for: rest)) != nil else {
                    throw .failed(IPCError.cancelled("call"), error.progress)
                }
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    private func attempt<Request: CallRequest>(
        _ request: Request, until deadline: Deadline
    ) async throws(CallError<Request.Failure>) -> Request.Reply {
        let connection: CallConnection
        do throws(IPCError) {
            connection = try await current(until: deadline)
        } catch {
            throw .failed(error, .notStarted)
        }
        do throws(CallError<Request.Failure>) {
            return try await connection.call(request, until: deadline)
        } catch {
            // A peer that declines because it is ending is as good as gone.
            if error.progress == .notStarted && error.error?.code == .closed { forget(connection) }
            throw error
        }
    }

    /// Whether a failure may pass with another connection, and nothing is done twice by trying.
    private func mayRepeat<Thrown>(_ error: CallError<Thrown>, _ isIdempotent: Bool) -> Bool {
        guard error.progress == .notStarted || (error.progress == .unknown && isIdempotent),
            let code = error.error?.code, !state.withLock({ $0.isClosed })
        else { return false }
        return [.connectionRefused, .notFound, .peerClosed, .unreachable, .truncated, .closed].contains(code)
    }

    /// Closes the connection; calls fail with `.closed` from now on. Idempotent.
    public func close() {
        let connection = state.withLock { state in
            state.isClosed = true
            return state.connection.take()
        }
        connection?.close()
    }

    private func forget(_ connection: CallConnection) {
        state.withLock { state in
            if state.connection === connection { state.connection = nil }
        }
    }

    /// The connection, made by whoever needs it first; the others wait for that.
    private func current(until deadline: Deadline) async throws(IPCError) -> CallConnection {
        if let connection = try present() { return connection }
        try await connecting.acquire(until: deadline, "call", engine: .shared)
        defer { _ = connecting.release() }
        if let connection = try present() { return connection }
        let connection = try await connect(deadline)
        let isClosed = state.withLock { state in
            if !state.isClosed { state.connection = connection }
            return state.isClosed
        }
        guard !isClosed else {
            connection.close()
            throw .closed("call")
        }
        return connection
    }

    private func present() throws(IPCError) -> CallConnection? {
        try state.withLock { state throws(IPCError) in
            guard !state.isClosed else { throw .closed("call") }
            guard let connection = state.connection, !connection.isOver else { return nil }
            return connection
        }
    }
}
