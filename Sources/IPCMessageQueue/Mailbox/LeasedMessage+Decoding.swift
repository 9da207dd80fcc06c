public import IPCCore

extension LeasedMessage {
    /// What a typed message says: of one that was sent through ``MessageQueue/messages(of:using:selecting:)``.
    ///
    /// - Throws: `.decodingFailed` when the bytes are no `Payload`.
    public func decoded<Payload>(
        as payload: Payload.Type, using codec: MessageCodec<Payload, Payload>
    ) throws(IPCError) -> Payload {
        try unsafe codec.decode(self.payload.span.bytes)
    }
}
