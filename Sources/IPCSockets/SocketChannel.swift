public import IPCCore
package import IPCSystem

/// Messages both ways over a connected socket: a Unix stream, Unix packets (``SocketType``), or TCP.
///
/// ```swift
/// let channel = try await SocketChannel.connect(to: .unix(name: "echo.sock"))
/// try await channel.send(Array("hello".utf8))
/// let reply = try await channel.receive()
/// ```
///
/// The peer's `finish` and its death are told apart, and a death ends a waiting `receive` at once. With
/// ``SocketFraming/bytes`` it carries bare bytes, for talking to any program. Messages with descriptors are sent and
/// received through ``descriptorMessages``; here descriptors that come with a message are closed. unix(7).
public final class SocketChannel: Channel, ByteReceiveChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// Who is at the other end: the process that called connect(2) or listen(2); for a pair, the one that made it. Nobody
    /// is known over TCP.
    public let peer: PeerCredentials

    @usableFromInline package let receiver: StreamReceiver
    package let sender: StreamSender

    /// Takes over a connected, non-blocking stream socket.
    package convenience init(_ descriptor: consuming OwnedDescriptor, _ options: SocketOptions) throws(IPCError) {
        let number = descriptor.number
        let (peer, kind) = try mapping("set up a socket") { () throws(SystemCallError) in
            (PeerCredentials(try SocketCalls.peerCredentials(number)), try StreamDescriptor.Kind(of: number))
        }
        let stream = try StreamDescriptor(descriptor, kind: kind, uses: 2)
        do throws(IPCError) {
            try self.init(stream, peer: peer, options)
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
    }

    /// Takes over both uses of `stream`, unless it throws.
    package init(
        _ stream: StreamDescriptor, peer: PeerCredentials, _ options: SocketOptions,
        handshake: StreamHandshake? = nil
    ) throws(IPCError) {
        try options.check()
        try options.apply(to: stream)
        self.peer = peer
        let limits = try options.limits(on: stream)
        receiver = StreamReceiver(stream, limits.receiving, handshake: handshake)
        sender = StreamSender(stream, limits.sending, handshake: handshake)
    }

    /// A channel of ends that were given away elsewhere.
    init(receiver: StreamReceiver, sender: StreamSender, peer: PeerCredentials) {
        self.peer = peer
        self.receiver = receiver
        self.sender = sender
    }

    /// Two channels that are each other's peers. socketpair(2).
    ///
    /// - Throws: `.resourceExhausted` when no descriptor is free.
    public static func makePair(
        options: SocketOptions = SocketOptions()
    ) throws(IPCError) -> (SocketChannel, SocketChannel) {
        let (first, second) = try SocketConnection.makePair(type: options.type)
        return (try first.channel(options: options), try second.channel(options: options))
    }

    /// Connects to a listener. See ``SocketConnection/connect(to:type:retry:until:)``.
    public static func connect(
        to address: SocketAddress, options: SocketOptions = SocketOptions(), retry: ConnectRetry = .never,
        until deadline: Deadline = .never
    ) async throws(IPCError) -> SocketChannel {
        try options.check()
        return try await SocketConnection.connect(to: address, type: options.type, retry: retry, until: deadline)
            .channel(options: options)
    }

    /// An ordered, lossless link that preserves boundaries and tells a finish from a death.
    public var guarantees: ChannelGuarantees {
        var guarantees = ChannelGuarantees(
            direction: .both, framing: sender.options.framing, maximumMessageSize: sender.options.maximumMessageSize)
        if sender.stream.kind == .packetSocket { guarantees.preservesBoundaries = true }
        return guarantees
    }

    /// Waits for a message; nil when the peer has finished. See ``ReceiveChannel/receive(until:)``.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        guard try await receiver.begin(until: deadline) else { return nil }
        defer { receiver.end() }
        return receiver.messageCopy
    }

    /// The next message if one is there.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> { try receiver.tryReceive() }

    /// Waits for a message and lets `body` read it in place. See ``ByteReceiveChannel/receive(until:_:)``.
    @inlinable
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        do throws(IPCError) {
            guard try await receiver.begin(until: deadline) else { return nil }
        } catch {
            throw .channel(error)
        }
        defer { receiver.end() }
        do throws(Failure) {
            return try receiver.withMessage(body)
        } catch {
            throw .body(error)
        }
    }

    /// Lets `body` read a message in place if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try receiver.tryReceive(body)
    }

    /// Waits for at least one message and hands over those that have arrived. See
    /// ``ByteReceiveChannel/receive(upTo:until:into:)``.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await receiver.receive(upTo: maximumCount, until: deadline, into: body)
    }

    /// Sends one message; waits while the peer does not read. See ``SendChannel/send(_:until:)``.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe sender.send(message.span.bytes, until: deadline)
    }

    /// Sends the bytes as one message. See ``ByteSendChannel/send(_:until:)``.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await sender.send(bytes, until: deadline)
    }

    /// Sends one message that `body` writes in place. See ``ByteSendChannel/send(byteCount:until:initializingWith:)``.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await sender.send(byteCount: byteCount, until: deadline, initializingWith: body)
    }

    /// Sends `bytes` cut into messages, with few system calls. See ``ByteSendChannel/send(contentsOf:messageSize:until:)``.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await sender.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    /// Sends each element as one message, with few system calls. See ``ByteSendChannel/send(contentsOf:until:)``.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await sender.send(contentsOf: messages, until: deadline)
    }

    /// Sends one message if there is room for it now; false when `send` would wait.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try unsafe sender.trySend(message.span.bytes)
    }

    /// Sends the bytes as one message if there is room for it now; false when `send` would wait.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try sender.trySend(bytes) }

    /// Ends the sending direction: the peer's `receive` returns nil after the last message. Receiving goes on.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sender.finish(until: deadline)
    }

    /// Closes both directions.
    public func close() {
        sender.close()
        receiver.close()
    }
}
