public import IPCCore

/// The forms of receiving that have no deadline, or whose closure does not throw.
///
/// The protocols have them for every channel, by a call within a call. Each `await` of such a chain costs a look at the
/// task's executor, a tenth of a small message; a message that has been read already takes none here.
extension SocketChannel {
    /// The next message; waits for it. See ``receive(until:)``.
    @inlinable
    public func receive() async throws(IPCError) -> [UInt8]? {
        if !receiver.beginBuffered() {
            guard try await receiver.begin(until: .never) else { return nil }
        }
        defer { receiver.end() }
        return receiver.messageCopy
    }

    /// Waits for a message and lets `body`, which does not throw, read it in place. See ``ByteReceiveChannel/receive(until:_:)``.
    @inlinable
    public func receive<Result>(
        until deadline: Deadline = .never, _ body: (RawSpan) -> Result
    ) async throws(IPCError) -> Result? {
        if !receiver.beginBuffered() {
            guard try await receiver.begin(until: deadline) else { return nil }
        }
        defer { receiver.end() }
        return receiver.withMessage(body)
    }
}
