public import IPCCore

extension PipeWriter {
    /// Writes bytes. With ``PipeFraming/bytes`` there may be any number of them: what is above the largest message goes
    /// out in parts, with nothing of other tasks between them. Otherwise they are one message.
    ///
    /// - Throws: `.peerClosed` when nobody reads any more; `.timedOut` and `.cancelled`, with nothing written unless there
    ///   were several parts; `.messageTooLarge`, `.finished`, `.closed`.
    public func write(_ bytes: [UInt8], until deadline: Deadline = .never) async throws(IPCError) {
        guard sender.options.framing == .none, bytes.count > sender.options.maximumMessageSize else {
            return try await send(bytes, until: deadline)
        }
        do throws(BatchError) {
            try await unsafe sender.send(
                contentsOf: bytes.span.bytes, messageSize: sender.options.maximumMessageSize, until: deadline)
        } catch {
            throw error.error
        }
    }

    /// Writes text as UTF-8. See ``write(_:until:)-([UInt8],_)``.
    public func write(_ text: String, until deadline: Deadline = .never) async throws(IPCError) {
        try await write(Array(text.utf8), until: deadline)
    }
}
