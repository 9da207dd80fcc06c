public import IPCCore

/// Bare bytes, for talking to any program.
extension SocketConnection {
    /// Waits for bytes and returns those that are there. Descriptors that came with them are closed: see
    /// ``SocketFraming/bytes``. Take a channel of messages to receive some (``channel(options:)``).
    ///
    /// - Parameters:
    ///   - maximumCount: the most bytes to return, 64 KiB unless said otherwise.
    ///   - deadline: when to give up.
    /// - Returns: at least one byte; nil when the peer has ended its direction or is gone.
    /// - Throws: `.timedOut` or `.cancelled` when nothing was read; `.peerClosed` when the peer left unread what was
    ///   written to it; `.invalidArgument` when this is a channel of messages; `.closed`.
    public func read(
        upTo maximumCount: Int = 65536, until deadline: Deadline = .never
    ) async throws(IPCError) -> [UInt8]? {
        guard maximumCount > 0 else { throw IPCError(.invalidArgument, "read: maximumCount must be positive") }
        let receiver = try bytes("read").receiver
        guard try await receiver.begin(until: deadline) else { return nil }
        defer { receiver.end(after: maximumCount) }
        return unsafe Array(receiver.messageBytes.prefix(maximumCount))
    }

    /// Writes all the bytes; waits while the peer does not read.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was written: once the first byte has left, the rest follows.
    ///   `.peerClosed` when nobody reads any more; `.finished` after ``finishWriting(until:)``; `.closed`.
    public func write(_ bytes: RawSpan, until deadline: Deadline = .never) async throws(IPCError) {
        try await self.bytes("write").sender.send(bytes, until: deadline)
    }

    /// Writes all the bytes. See ``write(_:until:)-(RawSpan,_)``.
    public func write(_ bytes: [UInt8], until deadline: Deadline = .never) async throws(IPCError) {
        try await unsafe write(bytes.span.bytes, until: deadline)
    }

    /// Ends the writing direction: the peer reads what is left and then the end. Reading goes on. shutdown(2).
    public func finishWriting(until deadline: Deadline = .never) async throws(IPCError) {
        try await bytes("finish writing").finish(until: deadline)
    }
}
