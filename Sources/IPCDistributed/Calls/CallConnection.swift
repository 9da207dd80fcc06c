public import IPCSockets
import IPCSystem

/// One end of a channel that carries calls, both ways: requests with a reply or a stream of replies, many in flight.
///
/// ```swift
/// let socket = try await SocketConnection.connect(to: .unix(path: path))
/// let connection = try CallConnection(over: socket.channel())
/// let greeting = try await connection.call(Greet(name: "Ada"), until: .after(.seconds(1)))
/// ```
///
/// - **Channels.** Any `ByteChannel` that keeps messages whole and in order, both ways, to one peer: a pair of pipes, a Unix
///   socket, TCP, a ring in shared memory, ``InProcessChannel``. The connection owns it from now on.
/// - **Both sides** may serve and ask: whoever has handlers serves.
/// - **Limits.** Each side serves so many requests at once as it says; further callers of the other side wait. Items of a stream
///   are sent against credit. Nothing else queues up, and no answer waits behind another.
/// - **Deadline and cancellation** of a caller travel: the handler's task is cancelled.
/// - **Death.** When the peer dies or closes, every call that is open fails with `.peerClosed` and says whether it may have been
///   done (``CallProgress``): a call is done at most once. Handlers for it are cancelled.
///
/// It reads from the moment it is made. A connection that nobody holds any more is closed; ``close()`` is the way, or
/// ``finish(until:)``, which lets handlers end.
public final class CallConnection: Sendable {
    let multiplexer: CallMultiplexer
    private let gracePeriod: Duration
    private let knownSystem = Lock<ActorSystemID?>(nil)
    /// Who is at the other end, where the channel can tell: over a Unix socket.
    public let peer: PeerCredentials?

    /// Carries calls over `channel`.
    ///
    /// - Parameters:
    ///   - channel: the connection owns it, and closes it with itself.
    ///   - options: how.
    ///   - handlers: adds handlers for what this side answers. Without one it answers nothing, and says so.
    /// - Throws: `.invalidArgument` for a channel that does not keep messages whole, lossless and in order both ways, or for
    ///   options that cannot be.
    public convenience init(
        over channel: any ByteChannel, options: CallOptions = CallOptions(),
        _ handlers: (inout CallHandlers) -> Void = { _ in }
    ) throws(IPCError) {
        var table = CallHandlers()
        handlers(&table)
        try self.init(channel, options, table, system: nil, actorCalls: nil)
    }

    /// - Parameter actorCalls: serves the calls of distributed actors.
    init(
        _ channel: any ByteChannel, _ options: CallOptions, _ handlers: CallHandlers, system: ActorSystemID?,
        actorCalls: (@Sendable (IncomingCall, CallConnection) async throws -> [UInt8]?)?
    ) throws(IPCError) {
        try options.check()
        let guarantees = channel.guarantees
        guard
            guarantees.topology == .link, guarantees.direction == .both, guarantees.isOrdered,
            guarantees.preservesBoundaries, guarantees.isLossless
        else {
            throw IPCError(
                .invalidArgument,
                "calls need a channel to one peer that keeps messages whole, in order and without loss")
        }
        let room = guarantees.maximumMessageSize
        guard room >= CallWire.smallestMessageSize else {
            throw IPCError(
                .invalidArgument,
                "calls need messages of \(CallWire.smallestMessageSize) bytes at least; the channel takes \(room)")
        }
        var settings = MultiplexerOptions()
        settings.requestLimit = options.requestLimit
        settings.greeting = try BinaryCodec.encode(CallGreeting(interface: options.interface, system: system))
        let helloSize = CallWire.headerSize + CallWire.helloFieldsSize + settings.greeting.count
        guard helloSize <= room else {
            throw IPCError(
                .invalidArgument,
                "the name of the interface makes a hello of \(helloSize) bytes; the channel takes \(room)")
        }
        if let keepAlive = options.keepAlive { try (channel as? SocketChannel)?.keepAlive(by: keepAlive) }
        let interface = options.interface
        settings.judgeGreeting = { CallConnection.judge($0, interface) }
        settings.startsImmediately = { handlers.isShort($0) }
        let owner = WeakConnection()
        let serve: MultiplexerHandler = { call in
            guard let connection = owner.value else { throw IPCError.closed("answer a call") }
            if call.method == CallPayload.named { return try await handlers.serve(call, connection) }
            guard call.method == CallPayload.actor, let actorCalls else {
                throw CallFailure(
                    IPCError(.unsupported, "this side serves no calls of that kind"), reach: .notStarted)
            }
            return try await actorCalls(call, connection)
        }
        let serves = !handlers.entries.isEmpty || actorCalls != nil
        multiplexer = CallMultiplexer(over: channel, options: settings, serving: serves ? serve : nil)
        gracePeriod = options.gracePeriod
        peer = (channel as? SocketChannel)?.peer
        owner.set(self)
        let multiplexer = multiplexer
        // Not a child of whoever makes the connection: its task-local values, such as a deadline, are not those of handlers.
        _ = Task.detached(executorPreference: IPCExecutor.shared) { try? await multiplexer.run() }
    }

    deinit { multiplexer.close() }

    /// Whether no call goes over it any more.
    var isOver: Bool { multiplexer.isOver }

    /// Whether a request over it is in vain: it is over, or the peer takes no more.
    var isOverOrEnding: Bool { multiplexer.isOverOrEnding }

    /// Whether the peer has said hello.
    var hasGreeted: Bool { multiplexer.peerGreeting != nil }

    /// The actor system at the other end, once it has said hello; nil where there is none.
    var peerSystem: ActorSystemID? {
        if let known = knownSystem.withLock({ $0 }) { return known }
        guard let greeting = multiplexer.peerGreeting else { return nil }
        let system = (try? BinaryCodec.decode(CallGreeting.self, from: greeting))?.system
        knownSystem.withLock { $0 = system }
        return system
    }

    /// What is wrong with what the peer said at the start.
    private static func judge(_ greeting: [UInt8], _ interface: String) -> IPCError? {
        guard let said = greeting.isEmpty ? CallGreeting(interface: "") : try? BinaryCodec.decode(from: greeting) else {
            return IPCError(.handshakeFailed, "the peer's greeting cannot be read")
        }
        guard said.interface == interface else {
            return IPCError(
                .handshakeFailed,
                "the peer speaks \"\(said.interface)\" and this side \"\(interface)\"; both sides must have the same")
        }
        return nil
    }

    /// Waits until the connection is over. Handlers have been cancelled then, and may still run.
    ///
    /// - Throws: why it ended, unless the peer finished or this side closed it: `.peerClosed`, `.truncated`,
    ///   `.protocolViolation`, `.wrongMagic`, `.wrongVersion`, `.handshakeFailed`, or what else the channel throws; `.cancelled`,
    ///   after which the connection lives on.
    public func waitUntilEnd() async throws(IPCError) {
        do throws(IPCError) {
            try await multiplexer.waitUntilEnd()
        } catch {
            if error.code != .closed { throw error }
        }
    }

    /// Waits until the peer has said hello and was accepted. Calls wait for it by themselves.
    ///
    /// - Throws: why the connection ended instead; `.cancelled`, after which the connection lives on.
    public func waitUntilReady() async throws(IPCError) {
        _ = try await multiplexer.greeting()
    }

    /// Serves no more requests, waits until the handlers that run have answered, and closes the connection. Requests that
    /// come meanwhile or cross with the end are declined: their callers know that they were not started. Calls of this side that
    /// are open then fail.
    ///
    /// A handler may call it; it is not waited for, and its own answer may be lost. To answer first, have a new task call it.
    ///
    /// When `deadline` passes or the task is cancelled, the connection is closed at once: a handler that does not hear of its
    /// cancellation holds nobody up. Without a deadline it is ``CallOptions/gracePeriod``.
    public func finish(until deadline: Deadline? = nil) async {
        let deadline = deadline ?? .after(gracePeriod)
        let multiplexer = multiplexer
        let limit = Task {
            // A task that is cancelled has nothing to end any more.
            guard let remaining = deadline.remaining, (try? await Task.sleep(for: remaining)) != nil else { return }
            multiplexer.close()
        }
        await withTaskCancellationHandler {
            await multiplexer.drain()
            // The peer takes what is on its way, and then ends its side.
            try? await multiplexer.channel.finish(until: deadline)
            try? await multiplexer.waitUntilEnd()
        } onCancel: {
            multiplexer.close()
        }
        limit.cancel()
        multiplexer.close()
    }

    /// Closes the connection at once: calls that are open fail with `.closed`, handlers are cancelled. Idempotent.
    public func close() { multiplexer.close() }
}

/// A connection as those know it who do not keep it: its own handlers, and who makes the next one.
final class WeakConnection: Sendable {
    private struct Reference: @unchecked Sendable {
        // Guarded by the lock around it.
        weak var connection: CallConnection?
    }

    private let reference = Lock(Reference())

    init(_ connection: CallConnection? = nil) { reference.withLock { $0.connection = connection } }

    var value: CallConnection? { reference.withLock { $0.connection } }

    func set(_ connection: CallConnection) { reference.withLock { $0.connection = connection } }
}

extension BinaryCodec {
    /// The value of exactly these bytes, of the type that is expected.
    fileprivate static func decode<Value: Decodable>(from bytes: [UInt8]) throws(IPCError) -> Value {
        try decode(Value.self, from: bytes)
    }
}
