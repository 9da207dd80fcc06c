public import IPCCore

/// A datagram channel seen as a channel of bytes: everything goes to one address, and what is received comes without its
/// sender's. Made by ``DatagramChannel/payloads(to:)``.
public struct DatagramPayloads: Channel, ByteReceiveChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// The channel.
    public let channel: DatagramChannel
    /// Where messages go; nil for where the channel is connected.
    public let destination: SocketAddress?

    /// The guarantees of the channel.
    public var guarantees: ChannelGuarantees { channel.guarantees }

    /// Sends one message.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe channel.send(message.span.bytes, to: destination, until: deadline)
    }

    /// Sends one message if there is room now.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try unsafe channel.trySend(message.span.bytes, to: destination)
    }

    /// Sends the bytes as one message.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await channel.send(bytes, to: destination, until: deadline)
    }

    /// Sends the bytes as one message if there is room now.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try channel.trySend(bytes, to: destination) }

    /// Sends one message that `body` writes.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await channel.send(byteCount: byteCount, to: destination, until: deadline, initializingWith: body)
    }

    /// Sends `bytes` cut into messages, one by one.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await channel.send(contentsOf: bytes, messageSize: messageSize, to: destination, until: deadline)
    }

    /// Waits for a message. Never nil.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        do {
            return try await channel.receive(until: deadline) { (bytes: RawSpan) throws(Never) in [UInt8](bytes) }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    /// The next message if one is there; never `.finished`.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        do {
            return try channel.tryReceive { (bytes: RawSpan) throws(Never) in [UInt8](bytes) }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    /// Waits for a message and lets `body` read it in place. Never nil.
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await channel.receive(until: deadline, body)
    }

    /// Lets `body` read a message if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try channel.tryReceive(body)
    }

    /// Waits for at least one message and hands over those that are there.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await channel.receive(upTo: maximumCount, until: deadline, into: body)
    }

    /// Ends sending through the channel.
    public func finish(until deadline: Deadline) async throws(IPCError) { try await channel.finish(until: deadline) }

    /// Closes the channel.
    public func close() { channel.close() }
}

extension DatagramChannel {
    /// This channel as a channel of bytes: for code that knows nothing of addresses.
    public func payloads(to destination: SocketAddress? = nil) -> DatagramPayloads {
        DatagramPayloads(channel: self, destination: destination)
    }
}
