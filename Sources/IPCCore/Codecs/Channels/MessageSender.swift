/// The sending end of a channel of typed messages, over one of bytes. Made by
/// ``ByteSendChannel/messages(sending:using:)``.
///
/// What the channel of bytes guarantees holds for the messages; sizes in its guarantees are those of the encoded bytes.
public struct MessageSender<Outbound: Sendable>: SendChannel {
    private let channel: any ByteSendChannel
    private let codec: MessageCodec<Outbound, Outbound>.Encode
    private let spare = SpareBuffers()

    init(_ channel: any ByteSendChannel, encode: @escaping MessageCodec<Outbound, Outbound>.Encode) {
        self.channel = channel
        codec = encode
    }

    /// The guarantees of the channel of bytes.
    public var guarantees: ChannelGuarantees { channel.guarantees }

    /// Sends one message. See ``SendChannel/send(_:until:)``.
    ///
    /// - Throws: beside that, `.encodingFailed` when the message cannot be encoded: nothing was sent then.
    public func send(_ message: Outbound, until deadline: Deadline) async throws(IPCError) {
        let lent = try encode(message)
        do {
            try await send(lent.buffer, until: deadline)
        } catch {
            spare.put(lent)
            throw error
        }
        spare.put(lent)
    }

    /// Sends one message if there is room for it now. See ``SendChannel/trySend(_:)``.
    ///
    /// - Throws: beside that, `.encodingFailed` when the message cannot be encoded: nothing was sent then.
    public func trySend(_ message: Outbound) throws(IPCError) -> Bool {
        let lent = try encode(message)
        do {
            let wasSent = try trySend(lent.buffer)
            spare.put(lent)
            return wasSent
        } catch {
            spare.put(lent)
            throw error
        }
    }

    /// See ``SendChannel/finish(until:)``.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await channel.finish(until: deadline)
    }

    /// Closes the channel of bytes. See ``ChannelEnd/close()``.
    public func close() { channel.close() }

    // The borrow of the bytes ends with the call, so that the caller may hand the buffer on.

    private func send(_ buffer: borrowing MessageBuffer, until deadline: Deadline) async throws(IPCError) {
        try await channel.send(buffer.bytes, until: deadline)
    }

    private func trySend(_ buffer: borrowing MessageBuffer) throws(IPCError) -> Bool {
        try channel.trySend(buffer.bytes)
    }

    private func encode(_ message: Outbound) throws(IPCError) -> SpareBuffers.Lent {
        try channel.guarantees.requireBoundaries()
        var lent = spare.take()
        do {
            try codec(message, &lent.buffer)
        } catch {
            spare.put(lent)
            throw error
        }
        return lent
    }
}

extension ChannelGuarantees {
    /// A message that may arrive cut, or joined with its neighbour, cannot be decoded.
    func requireBoundaries() throws(IPCError) {
        guard preservesBoundaries else {
            throw IPCError(
                .unsupported,
                "typed messages need a channel that keeps the boundaries of messages; use the framed channel of this "
                    + "mechanism instead of its raw bytes")
        }
    }
}
