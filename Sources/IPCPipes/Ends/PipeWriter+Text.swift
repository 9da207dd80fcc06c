public import IPCCore

extension PipeWriter {
    /// Writes text as UTF-8, in one message: with ``PipeFraming/bytes`` just its bytes.
    ///
    /// - Throws: as ``send(_:until:)``.
    public func write(_ text: String, until deadline: Deadline = .never) async throws(IPCError) {
        var text = text
        text.makeContiguousUTF8()
        try await unsafe sender.send(text.utf8Span.span.bytes, until: deadline)
    }
}
