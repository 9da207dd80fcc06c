/// The receiving end of a channel of typed messages, over one of bytes. Made by
/// ``ByteReceiveChannel/messages(receiving:using:)``.
///
/// What the channel of bytes guarantees holds for the messages; sizes in its guarantees are those of the encoded bytes.
public struct MessageReceiver<Inbound: Sendable>: ReceiveChannel {
    private let channel: any ByteReceiveChannel
    private let decode: MessageCodec<Inbound, Inbound>.Decode

    init(_ channel: any ByteReceiveChannel, decode: @escaping MessageCodec<Inbound, Inbound>.Decode) {
        self.channel = channel
        self.decode = decode
    }

    /// The guarantees of the channel of bytes.
    public var guarantees: ChannelGuarantees { channel.guarantees }

    /// The next message; waits for it. See ``ReceiveChannel/receive(until:)``.
    ///
    /// - Throws: beside that, `.decodingFailed` when the bytes that came are no such message. They are consumed then, and
    ///   the channel stays as it is: the next call receives the next message.
    public func receive(until deadline: Deadline) async throws(IPCError) -> Inbound? {
        try channel.guarantees.requireBoundaries()
        do {
            return try await channel.receive(until: deadline) { (bytes: RawSpan) throws(IPCError) -> Inbound in
                try decode(bytes)
            }
        } catch {
            throw error.flattened
        }
    }

    /// The next message if one is there. See ``ReceiveChannel/tryReceive()`` and ``receive(until:)``.
    public func tryReceive() throws(IPCError) -> Received<Inbound> {
        try channel.guarantees.requireBoundaries()
        do {
            return try channel.tryReceive { (bytes: RawSpan) throws(IPCError) -> Inbound in
                try decode(bytes)
            }
        } catch {
            throw error.flattened
        }
    }

    /// Closes the channel of bytes. See ``ChannelEnd/close()``.
    public func close() { channel.close() }
}

extension ChannelBodyError where Body == IPCError {
    /// The error of whichever of the two failed.
    fileprivate var flattened: IPCError {
        switch self {
        case .channel(let error), .body(let error): error
        }
    }
}
