public import Distributed
public import IPCSockets
import IPCSystem

/// What happens to the connections of an ``IPCActorSystem``.
public enum ActorSystemEvent: Sendable {
    /// A system of another process is there.
    case connected(ActorSystemID)
    /// Its process is gone, or the last connection to it: calls of its actors fail from now on. The error says why; nil when it
    /// ended in order.
    case lost(ActorSystemID, IPCError?)
}

extension IPCActorSystem {
    /// Joins this system with the one at the other end of `channel`, which does the same.
    ///
    /// The connection lasts until either side closes or dies; its end is an event. One channel serves calls both ways. Over a
    /// further connection to the same system calls go when the earlier ones have ended.
    ///
    /// - Returns: the other system, when it has said hello.
    /// - Throws: `.timedOut`, `.cancelled`; `.handshakeFailed` when the peer has no actor system, or says that
    ///   it is this one or one that another process has; `.closed` when this system was
    ///   closed; and what ends a ``CallConnection``.
    @discardableResult
    public func connect(
        over channel: any ByteChannel, until deadline: Deadline = .never
    ) async throws(IPCError) -> ActorSystemID {
        let connection = try makeConnection(channel)
        let limit = Task {
            guard let remaining = deadline.remaining, (try? await Task.sleep(for: remaining)) != nil else { return }
            connection.close()
        }
        defer { limit.cancel() }
        do throws(IPCError) {
            return try await join(connection)
        } catch {
            connection.close()
            if Task.isCancelled { throw .cancelled("join an actor system") }
            if deadline.hasPassed { throw .timedOut("join an actor system") }
            throw error
        }
    }

    /// Joins this system with the one of every connection that a listener accepts, until the listener is shut down or closed.
    /// See ``serveCalls(on:options:socket:_:)``.
    public func serve(
        on listener: SocketListener, socket: SocketOptions = SocketOptions()
    ) async throws(IPCError) {
        let server = CallServer(options, socket) { channel throws(IPCError) in
            let connection = try self.makeConnection(channel)
            Task { [weak connection] in
                guard let connection else { return }
                _ = try? await self.join(connection)
            }
            return connection
        }
        try await server.run(listener)
    }

    /// Closes all connections: calls that are open fail with `.closed`, and methods that others have called here are cancelled.
    /// Actors live on, and may be called within the process. Idempotent.
    public func close() {
        let peers = state.withLock { state in
            state.isClosed = true
            return state.peers.values.flatMap(\.self)
        }
        for connection in peers { connection.close() }
    }

    /// The systems that are connected now.
    public var peers: [ActorSystemID] { state.withLock { Array($0.peers.keys) } }

    /// The comings and goings of other systems from now on. Each stream gets all of them; one that nobody reads keeps the
    /// last 256.
    public var events: AsyncStream<ActorSystemEvent> { notices.stream() }

    /// Waits until the process of an actor that lives elsewhere is gone, or the connection to it. Returns at once when it is gone
    /// already, and when the task is cancelled; never for an actor of this process while the task lives.
    ///
    /// - Returns: why the connection ended; nil when it ended in order, or the task was cancelled.
    public func waitUntilLost<Act: DistributedActor>(_ actor: Act) async -> IPCError? where Act.ID == IPCActorID {
        await waitUntilLost(actor.id.system)
    }

    /// The same for the process of an actor system, whose id is what ``connect(over:until:)`` returns and what
    /// ``ActorSystemEvent`` names. Returns at once for one that is not connected; never for this one.
    ///
    /// ```swift
    /// let server = try await system.connect(over: channel)
    /// let reason = await system.waitUntilLost(server)
    /// ```
    public func waitUntilLost(_ other: ActorSystemID) async -> IPCError? {
        let events = notices.stream()
        let (isConnected, reason) = state.withLock { ($0.peers[other] != nil, $0.losses[other]) }
        if other != id, !isConnected { return reason }
        for await event in events {
            if case .lost(let system, let error) = event, system == other { return error }
            // The stream may have forgotten it, when very many came and went.
            let (isConnected, reason) = state.withLock { ($0.peers[other] != nil, $0.losses[other]) }
            if other != id, !isConnected { return reason }
        }
        return nil
    }

    package func makeConnection(_ channel: any ByteChannel) throws(IPCError) -> CallConnection {
        if state.withLock({ $0.isClosed }) {
            channel.close()
            throw .closed("join an actor system")
        }
        var handlers = CallHandlers()
        addReceptionist(to: &handlers)
        // The task that reads lives longer than the one that made it, whose limit is none of its calls.
        let made = Self.$deadline.withValue(.never) { () -> Result<CallConnection, IPCError> in
            do throws(IPCError) {
                let connection = try CallConnection(channel, options, handlers, system: id) { call, connection in
                    // The first call may be here before whoever made the connection has seen the hello.
                    try self.noteGreeting(of: connection)
                    return try await self.serve(call)
                }
                return .success(connection)
            } catch {
                return .failure(error)
            }
        }
        return try made.get()
    }

    /// Waits for the hello of the other system, and sees the connection to its end.
    @discardableResult
    package func join(_ connection: CallConnection) async throws(IPCError) -> ActorSystemID {
        // Whatever is said of the hello here: a call that came with it may have entered the connection already.
        _ = Task(executorPreference: IPCExecutor.shared) {
            var reason: IPCError?
            do throws(IPCError) {
                try await connection.waitUntilEnd()
            } catch {
                reason = error
            }
            self.lose(connection, reason)
        }
        do throws(IPCError) {
            try await connection.waitUntilReady()
            return try noteGreeting(of: connection)
        } catch {
            connection.close()
            throw error
        }
    }

    /// Notes where the actors of the other system are: at the end of its first connection, and when that ends, of the next.
    @discardableResult
    private func noteGreeting(of connection: CallConnection) throws(IPCError) -> ActorSystemID {
        guard let system = connection.peerSystem else {
            throw IPCError(.handshakeFailed, "the peer has no actor system; join one with connect or serve")
        }
        guard system != id else {
            throw IPCError(.handshakeFailed, "the peer says that it is this very actor system", object: "\(system)")
        }
        try state.withLock { state throws(IPCError) in
            guard !state.isClosed else { throw .closed("join an actor system") }
            let others = state.peers[system] ?? []
            guard !connection.isOver, !others.contains(where: { $0 === connection }) else { return }
            guard others.allSatisfy({ $0.isOver || Self.mayBeOne($0.peer, connection.peer) }) else {
                throw IPCError(
                    .handshakeFailed, "the actor system of this id is connected, and is another process",
                    object: "\(system)")
            }
            state.peers[system] = others + [connection]
            // Under the lock, as the loss: nobody hears of them in the wrong order.
            guard others.isEmpty else { return }
            state.losses[system] = nil
            notices.tell(.connected(system))
        }
        return system
    }

    /// Whether two connections may lead to one process, as far as the kernel knows who made them.
    package static func mayBeOne(_ first: PeerCredentials?, _ second: PeerCredentials?) -> Bool {
        guard let first, let second, first.isKnown, second.isKnown else { return true }
        guard first.userID == second.userID else { return false }
        // A pair that was made here names this process, whoever has its other end.
        let ownOrHidden = [0, ProcessFacts.processID]
        return first.processID == second.processID || ownOrHidden.contains(first.processID)
            || ownOrHidden.contains(second.processID)
    }

    private func lose(_ connection: CallConnection, _ reason: IPCError?) {
        guard let system = connection.peerSystem else { return }
        state.withLock { state in
            guard var left = state.peers[system], let index = left.firstIndex(where: { $0 === connection }) else {
                return
            }
            left.remove(at: index)
            state.peers[system] = left.isEmpty ? nil : left
            guard left.isEmpty else { return }
            if state.losses.count >= 256 { state.losses.removeAll() }
            state.losses[system] = reason
            notices.tell(.lost(system, reason))
        }
    }
}

/// Those who want to know of connections.
final class ActorSystemNotices: Sendable {
    private struct State {
        var lastID = 0
        var listeners: [Int: AsyncStream<ActorSystemEvent>.Continuation] = [:]
    }

    private let state = Lock(State())

    func stream() -> AsyncStream<ActorSystemEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ActorSystemEvent.self, bufferingPolicy: .bufferingNewest(256))
        let id = state.withLock { state in
            state.lastID += 1
            state.listeners[state.lastID] = continuation
            return state.lastID
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    /// It may be called under a lock: a stream runs nothing of those who read it.
    func tell(_ event: ActorSystemEvent) {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield(event) }
    }

    deinit {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.finish() }
    }
}
