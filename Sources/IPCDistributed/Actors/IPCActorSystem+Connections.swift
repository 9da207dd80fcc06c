public import Distributed
public import IPCSockets
import IPCSystem

/// What happens to the connections of an ``IPCActorSystem``.
public enum ActorSystemEvent: Sendable {
    /// A system of another process is there.
    case connected(ActorSystemID)
    /// Its process is gone, or the connection: calls of its actors fail from now on. The error says why; nil when it ended
    /// in order.
    case lost(ActorSystemID, IPCError?)
}

extension IPCActorSystem {
    /// Joins this system with the one at the other end of `channel`, which does the same.
    ///
    /// The connection lasts until either side closes or dies; its end is an event. One channel serves calls both ways.
    ///
    /// - Returns: the other system, when it has said hello.
    /// - Throws: `.timedOut`, `.cancelled`; `.handshakeFailed` when the peer has no actor system; `.closed` when this system was
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
            return Array(state.peers.values)
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
        let events = notices.stream()
        let other = actor.id.system
        let (isConnected, reason) = state.withLock { ($0.peers[other] != nil, $0.losses[other]) }
        if other != id, !isConnected { return reason }
        for await event in events {
            if case .lost(let system, let error) = event, system == actor.id.system { return error }
        }
        return nil
    }

    private func makeConnection(_ channel: any ByteChannel) throws(IPCError) -> CallConnection {
        if state.withLock({ $0.isClosed }) {
            channel.close()
            throw .closed("join an actor system")
        }
        var handlers = CallHandlers()
        addReceptionist(to: &handlers)
        return try CallConnection(channel, options, handlers, system: id) { call, connection in
            // The first call may be here before whoever made the connection has seen the hello.
            try self.noteGreeting(of: connection)
            return try await self.serve(call)
        }
    }

    /// Waits for the hello of the other system, and sees the connection to its end.
    private func join(_ connection: CallConnection) async throws(IPCError) -> ActorSystemID {
        try await connection.waitUntilReady()
        let system = try noteGreeting(of: connection)
        let reading = Task(executorPreference: IPCExecutor.shared) {
            var reason: IPCError?
            do throws(IPCError) {
                try await connection.waitUntilEnd()
            } catch {
                reason = error
            }
            self.lose(system, connection, reason)
        }
        _ = reading
        return system
    }

    /// Notes where the actors of the other system are.
    @discardableResult
    private func noteGreeting(of connection: CallConnection) throws(IPCError) -> ActorSystemID {
        guard let system = connection.peerSystem else {
            throw IPCError(.handshakeFailed, "the peer has no actor system; join one with connect or serve")
        }
        let isNew = try state.withLock { state throws(IPCError) in
            guard !state.isClosed else { throw .closed("join an actor system") }
            guard state.peers[system] !== connection, !connection.isOver else { return false }
            let isNew = state.peers[system] == nil
            state.peers[system] = connection
            state.losses[system] = nil
            return isNew
        }
        if isNew { notices.tell(.connected(system)) }
        return system
    }

    private func lose(_ system: ActorSystemID, _ connection: CallConnection, _ reason: IPCError?) {
        let isLost = state.withLock { state in
            guard state.peers[system] === connection else { return false }
            state.peers[system] = nil
            if state.losses.count >= 256 { state.losses.removeAll() }
            state.losses[system] = reason
            return true
        }
        if isLost { notices.tell(.lost(system, reason)) }
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

    func tell(_ event: ActorSystemEvent) {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield(event) }
    }

    deinit {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.finish() }
    }
}
