/// A channel of typed messages over one of bytes: the one adapter between types and transports.
///
/// ```swift
/// let jobs = channel.messages(sending: Job.self, receiving: Reply.self, using: .binary)
/// try await jobs.send(Job(path: "/etc/hosts"))
/// let reply = try await jobs.receive()
/// ```
///
/// It keeps the contract of ``Channel`` as far as the channel of bytes does, whose guarantees are its own; sizes are those
/// of the encoded bytes. `finish` and `close` are those of the channel of bytes. What the peer's messages are is checked:
/// bytes that are no `Inbound` throw `.decodingFailed`, are consumed, and the channel goes on with the next message.
public struct MessageChannel<Inbound: Sendable, Outbound: Sendable>: Channel {
    private let sender: MessageSender<Outbound>
    private let receiver: MessageReceiver<Inbound>

    /// Messages over `channel`, encoded and decoded by `codec`.
    public init(_ channel: any ByteChannel, using codec: MessageCodec<Inbound, Outbound>) {
        sender = MessageSender(channel, encode: codec.encodeMessage)
        receiver = MessageReceiver(channel, decode: codec.decodeMessage)
    }

    /// The guarantees of the channel of bytes.
    public var guarantees: ChannelGuarantees { sender.guarantees }

    /// Sends one message. See ``MessageSender/send(_:until:)``.
    public func send(_ message: Outbound, until deadline: Deadline) async throws(IPCError) {
        try await sender.send(message, until: deadline)
    }

    /// Sends one message if there is room for it now. See ``MessageSender/trySend(_:)``.
    public func trySend(_ message: Outbound) throws(IPCError) -> Bool {
        try sender.trySend(message)
    }

    /// See ``SendChannel/finish(until:)``.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sender.finish(until: deadline)
    }

    /// The next message; waits for it. See ``MessageReceiver/receive(until:)``.
    public func receive(until deadline: Deadline) async throws(IPCError) -> Inbound? {
        try await receiver.receive(until: deadline)
    }

    /// The next message if one is there. See ``MessageReceiver/receive(until:)``.
    public func tryReceive() throws(IPCError) -> Received<Inbound> {
        try receiver.tryReceive()
    }

    /// Closes the channel of bytes. See ``ChannelEnd/close()``.
    public func close() { sender.close() }
}

extension ByteReceiveChannel where Self: ByteSendChannel {
    /// This channel with messages of types: `channel.messages(sending: Job.self, receiving: Reply.self, using: .binary)`.
    ///
    /// The bytes of the messages are the messages of this channel, so use one of the two, not both.
    public func messages<Inbound, Outbound>(
        sending outbound: Outbound.Type, receiving inbound: Inbound.Type, using codec: MessageCodec<Inbound, Outbound>
    ) -> MessageChannel<Inbound, Outbound> {
        MessageChannel(self, using: codec)
    }
}

extension ByteReceiveChannel {
    /// The receiving side of this channel with messages of a type: `channel.messages(receiving: Reply.self, using: .binary)`.
    public func messages<Inbound>(
        receiving inbound: Inbound.Type, using codec: MessageCodec<Inbound, Inbound>
    ) -> MessageReceiver<Inbound> {
        MessageReceiver(self, decode: codec.decodeMessage)
    }
}

extension ByteSendChannel {
    /// The sending side of this channel with messages of a type: `channel.messages(sending: Job.self, using: .binary)`.
    public func messages<Outbound>(
        sending outbound: Outbound.Type, using codec: MessageCodec<Outbound, Outbound>
    ) -> MessageSender<Outbound> {
        MessageSender(self, encode: codec.encodeMessage)
    }
}
