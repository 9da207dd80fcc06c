extension InProcessChannel {
    /// Sends `bytes` cut into messages of `messageSize` bytes each. See ``ByteSendChannel``.
    public func send(
        contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline
    ) async throws(BatchError) {
        guard messageSize > 0 || bytes.byteCount == 0 else {
            throw BatchError(sentCount: 0, error: IPCError(.invalidArgument, "send: messageSize must be positive"))
        }
        var messages: [[UInt8]] = []
        var offset = 0
        while offset < bytes.byteCount {
            let end = min(offset + messageSize, bytes.byteCount)
            messages.append([UInt8](bytes.extracting(offset..<end)))
            offset = end
        }
        try await send(contentsOf: messages, until: deadline)
    }

    /// Sends each element as one message, as many at a time as there is room for. See ``ByteSendChannel``.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        // Those before the first that is too large are sent.
        let limit = guarantees.maximumMessageSize
        let sendable = messages.firstIndex { $0.count > limit }.map { Array(messages[..<$0]) } ?? messages
        var sent = 0
        do {
            while sent < sendable.count {
                let count = try outgoing.sendMany(sendable, from: sent)
                sent += count
                if count == 0 {
                    try await outgoing.send(sendable[sent], until: deadline)
                    sent += 1
                }
            }
            if sent < messages.count { try checkSize(messages[sent].count) }
        } catch {
            throw BatchError(sentCount: sent, error: error)
        }
    }

    /// Waits for at least one message and hands over those that have arrived. See ``ByteReceiveChannel``.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        precondition(maximumCount > 0, "a batch has room for at least one message")
        guard let first = try await incomingMessages.receive(until: deadline) else { return nil }
        unsafe body(first.span.bytes)
        var count = 1
        while count < maximumCount {
            // The end, or a peer that is gone, shows at the next call: these messages were received.
            guard case .message(let next)? = try? incomingMessages.tryReceive() else { break }
            unsafe body(next.span.bytes)
            count += 1
        }
        return count
    }
}
