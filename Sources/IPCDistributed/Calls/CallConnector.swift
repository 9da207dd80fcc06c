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
        /// Those before it. Whoever still reads a stream over one keeps it.
        var earlier: [WeakConnection] = []
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
    /// - Throws: as ``CallConnection/call(_:until:)`` does, and what else the closure throws. The progress is that of all
    ///   attempts: a request that may have been done stays one, however the last attempt failed.
    @discardableResult
    public func call<Request: CallRequest>(
        _ request: Request, until deadline: Deadline = .never
    ) async throws(CallError<Request.Failure>) -> Request.Reply {
        var attempts = Attempts(deadline)
        while true {
            let connection = try await connection(&attempts, for: Request.Failure.self)
            do throws(CallError<Request.Failure>) {
                return try await connection.call(request, until: deadline)
            } catch {
                let mayRepeat = error.progress == .notStarted || (error.progress == .unknown && Request.isIdempotent)
                guard mayRepeat, isRestarting(connection, error), await attempts.pause(after: error.progress) else {
                    throw attempts.failure(error)
                }
            }
        }
    }

    /// Asks the server for a stream of items. See ``CallConnection/stream(_:window:until:)``.
    ///
    /// It waits for a connection as ``call(_:until:)`` does. Once the request is on its way it is not made again: the sequence ends
    /// with the connection, and whoever has read it so far knows what to ask for next.
    ///
    /// - Throws: ``CallError/failed(_:_:)`` when the request cannot be made. What fails later, the sequence throws.
    public func stream<Request: StreamRequest>(
        _ request: Request, window: Int = 64, until deadline: Deadline = .never
    ) async throws(CallError<Request.Failure>) -> ItemStream<Request.Item, Request.Failure> {
        var attempts = Attempts(deadline)
        while true {
            let connection = try await connection(&attempts, for: Request.Failure.self)
            do throws(CallError<Request.Failure>) {
                return try connection.stream(request, window: window, until: deadline)
            } catch {
                guard isRestarting(connection, error), await attempts.pause(after: error.progress) else {
                    throw attempts.failure(error)
                }
            }
        }
    }

    /// Closes the connection, and earlier ones over which streams still come: what is open fails with `.closed`, as do calls
    /// from now on. Idempotent.
    public func close() {
        let connections = state.withLock { state in
            state.isClosed = true
            defer { state.earlier = [] }
            return state.earlier.compactMap(\.value) + (state.connection.take().map { [$0] } ?? [])
        }
        for connection in connections { connection.close() }
    }

    /// How often a request was tried, and what is known of it.
    private struct Attempts {
        let deadline: Deadline
        private var length = Duration.milliseconds(10)
        /// Whether an earlier attempt may have been done.
        private var mayHaveBeenDone = false
        private var isCancelled = false

        init(_ deadline: Deadline) {
            self.deadline = deadline
        }

        /// Waits before the next attempt.
        ///
        /// - Returns: false when there is none: it is too late, or the task is cancelled.
        mutating func pause(after progress: CallProgress) async -> Bool {
            if progress == .unknown { mayHaveBeenDone = true }
            guard !deadline.hasPassed else { return false }
            let rest = deadline.remaining.map { min($0, length) } ?? length
            length = min(length * 2, .seconds(1))
            isCancelled = (try? await Task.sleep(for: rest)) == nil
            return !isCancelled
        }

        /// The error of the last attempt, as that of all of them.
        func failure<Thrown>(_ error: CallError<Thrown>) -> CallError<Thrown> {
            guard case .failed(let last, let progress) = error, progress != .answered else { return error }
            let isUnknown = mayHaveBeenDone || progress == .unknown
            return .failed(isCancelled ? IPCError.cancelled("call") : last, isUnknown ? .unknown : .notStarted)
        }
    }

    /// Whether the failure of a call is that of its connection, and another one may do better.
    private func isRestarting<Thrown>(_ connection: CallConnection, _ error: CallError<Thrown>) -> Bool {
        guard let code = error.error?.code, [.peerClosed, .truncated, .closed].contains(code) else { return false }
        return connection.isOverOrEnding && !state.withLock { $0.isClosed }
    }

    /// The connection, made again and again until there is one.
    private func connection<Thrown>(
        _ attempts: inout Attempts, for _: Thrown.Type
    ) async throws(CallError<Thrown>) -> CallConnection {
        while true {
            do throws(IPCError) {
                return try await current(until: attempts.deadline)
            } catch {
                let mayCome = [.connectionRefused, .notFound, .peerClosed, .unreachable].contains(error.code)
                guard mayCome, await attempts.pause(after: .notStarted) else {
                    throw attempts.failure(.failed(error, .notStarted))
                }
            }
        }
    }

    /// The connection, made by whoever needs it first; the others wait for that.
    private func current(until deadline: Deadline) async throws(IPCError) -> CallConnection {
        if let connection = try present() { return connection }
        try await connecting.acquire(until: deadline, "call", engine: .shared)
        defer { _ = connecting.release() }
        if let connection = try present() { return connection }
        let connection = try await connect(deadline)
        // Let go of outside the lock: nobody else may have them any more.
        let (isClosed, earlier) = state.withLock { state in
            let earlier = state.earlier.compactMap(\.value) + (state.connection.map { [$0] } ?? [])
            guard !state.isClosed else { return (true, earlier) }
            state.earlier = earlier.filter { !$0.isOver }.map { WeakConnection($0) }
            state.connection = connection
            return (false, earlier)
        }
        _ = consume earlier
        guard !isClosed else {
            connection.close()
            throw .closed("call")
        }
        return connection
    }

    private func present() throws(IPCError) -> CallConnection? {
        try state.withLock { state throws(IPCError) in
            guard !state.isClosed else { throw .closed("call") }
            guard let connection = state.connection, !connection.isOverOrEnding else { return nil }
            return connection
        }
    }
}
