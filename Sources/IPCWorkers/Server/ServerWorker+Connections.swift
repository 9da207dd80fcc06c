public import IPCSockets
import IPCSystem

extension ServerWorker {
    /// Serves connections, any number at a time, until the worker is to leave; the worker is ready from here on. Once.
    ///
    /// `body` runs for each connection in a task of its own, on the library's executor. When it returns or throws, its
    /// connection is closed; an error concerns that connection alone and goes to the observer as a log message.
    ///
    /// When the worker is to leave, it accepts no more and waits for the bodies that run; ``waitForRequest(on:until:)`` is how
    /// they find out between two requests. Those that are not done when the grace of the server is over are cancelled. Then
    /// this returns.
    ///
    /// - Parameters:
    ///   - options: whom to let in and how many at once: `authorization`, `maximumConnections` at each address,
    ///     `takesDescriptors`, `handshakeDeadline`. The rest is what the server said.
    ///   - body: what to do with a connection.
    /// - Throws: `.invalidArgument` when it was called before; when the socket is broken, what the system says. `.cancelled`
    ///   when the task is, after all bodies have ended.
    public func forEachConnection(
        options: SocketListenerOptions = SocketListenerOptions(),
        _ body: @escaping @Sendable (SocketConnection) async throws -> Void
    ) async throws(IPCError) {
        let isFirst = state.withLock { state in
            defer { state.isServing = true }
            return !state.isServing
        }
        guard isFirst else { throw IPCError(.invalidArgument, "serve connections: this worker does so already") }
        let serving = Task(executorPreference: IPCExecutor.shared) { () -> IPCError? in
            await self.serveQueues(options, body)
        }
        let reaper = Task(executorPreference: IPCExecutor.shared) {
            await self.waitForEndOfGrace()
            serving.cancel()
        }
        let failure = await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            serving.cancel()
        }
        reaper.cancel()
        if let failure { throw failure }
        if Task.isCancelled { throw .cancelled("serve connections") }
    }

    /// Returns when a leaving worker's time is over, or the task is cancelled.
    private func waitForEndOfGrace() async {
        var deadline = Deadline.never
        while !Task.isCancelled {
            do throws(IPCError) {
                let seen = deadline
                deadline = try await bell.wait(until: seen, "leave") { () -> Deadline? in
                    let now = state.withLock { $0.leaving?.deadline ?? .never }
                    return now != seen ? now : nil
                }
            } catch {
                return
            }
        }
    }

    private enum Change {
        case queues([Int], sockets: [Int: PassedDescriptor])
        case leave(emptiesQueue: Bool)
    }

    /// - Returns: why it could not go on; nil when the worker is to leave.
    private func serveQueues(
        _ options: SocketListenerOptions, _ body: @escaping @Sendable (SocketConnection) async throws -> Void
    ) async -> IPCError? {
        let failure = Lock<IPCError?>(nil)
        await withDiscardingTaskGroup { group in
            var listeners: [Int: SocketListener] = [:]
            var version = 0
            do throws(IPCError) {
                while true {
                    let seen = version
                    let change = try await bell.wait("serve connections") { () -> Change? in
                        nextChange(after: seen, &version)
                    }
                    guard case .queues(let queues, var sockets) = change else {
                        if case .leave(let emptiesQueue) = change {
                            for listener in listeners.values { listener.stopAccepting(emptiesQueue: emptiesQueue) }
                        }
                        return
                    }
                    for queue in queues where listeners[queue] == nil {
                        guard let socket = sockets.removeValue(forKey: queue) else { continue }
                        let listener = try SocketListener(adopting: socket, options: options)
                        listeners[queue] = listener
                        group.addTask(executorPreference: IPCExecutor.shared) {
                            await self.accept(listener, body)
                        }
                    }
                    for (queue, listener) in listeners where !queues.contains(queue) {
                        listener.stopAccepting(emptiesQueue: false)
                        listeners[queue] = nil
                    }
                    if seen == 0 { try await control.send(try BinaryCodec.encode(ServerControl.Report.ready)) }
                }
            } catch {
                for listener in listeners.values { listener.close() }
                if !error.isCancellation { failure.withLock { $0 = error } }
            }
        }
        return failure.withLock { $0 }
    }

    private func nextChange(after seen: Int, _ version: inout Int) -> Change? {
        state.withLock { state in
            if let leaving = state.leaving { return .leave(emptiesQueue: leaving.emptiesQueue) }
            guard state.queuesVersion != seen else { return nil }
            version = state.queuesVersion
            defer { state.sockets = [:] }
            return .queues(state.queues, sockets: state.sockets)
        }
    }

    /// Accepts until the listener is stopped, and waits for the connections that it has accepted.
    private func accept(
        _ listener: SocketListener, _ body: @escaping @Sendable (SocketConnection) async throws -> Void
    ) async {
        await withDiscardingTaskGroup { connections in
            do throws(IPCError) {
                while let connection = try await listener.accept() {
                    add(1, .accepted)
                    add(1, .active)
                    connections.addTask(executorPreference: IPCExecutor.shared) { await self.serve(connection, body) }
                }
            } catch {
                // A worker whose socket is broken is of no use: the server replaces it.
                if !error.isCancellation {
                    StandardErrorLine.write("worker \(self.place) of a server: \(error)")
                    requestReplacement(because: "\(error)")
                }
            }
            listener.close()
        }
    }

    private func serve(
        _ connection: SocketConnection, _ body: @Sendable (SocketConnection) async throws -> Void
    ) async {
        let farewell = atLeaving { connection.endIdling() }
        do {
            try await body(connection)
        } catch {
            IPCObservation.emit(.log(level: .debug, message: "serve a connection: \(error)"))
        }
        forget(farewell)
        connection.close()
        add(-1, .active)
    }
}
