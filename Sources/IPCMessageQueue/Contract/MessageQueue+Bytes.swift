public import IPCCore

/// Bytes in place with standard labels: what ``ByteChannel`` asks for, by the calls of ``MessageQueue``.
extension MessageQueue {
    /// Sends the bytes as one message with the standard label.
    @inlinable
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await send(bytes, labeled: .standard, until: deadline)
    }

    /// Sends the bytes as one message with the standard label if there is room now.
    @inlinable
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        try trySend(bytes, labeled: .standard)
    }

    /// Sends one message of `byteCount` bytes that `body` writes. See ``ByteSendChannel/send(byteCount:until:initializingWith:)``.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await send(byteCount: byteCount, labeled: .standard, until: deadline, initializingWith: body)
    }

    /// Sends one message of `byteCount` bytes that `body` writes, with a label.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` as ``send(_:labeled:until:)``, or ``ChannelBodyError/body(_:)``: nothing
    ///   was sent then.
    public func send<Failure: Error>(
        byteCount: Int, labeled label: QueueLabel, until deadline: Deadline,
        initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        let limit = guarantees.maximumMessageSize
        guard (0...limit).contains(byteCount) else {
            throw .channel(
                IPCError(
                    byteCount < 0 ? .invalidArgument : .messageTooLarge,
                    "send: \(byteCount) bytes, and the queue takes 0 to \(limit)"))
        }
        var buffer = MessageBuffer(capacity: byteCount)
        do throws(Failure) {
            try buffer.append(byteCount: byteCount, initializingWith: body)
        } catch {
            throw .body(error)
        }
        do throws(IPCError) {
            try await send(buffer, labeled: label, until: deadline)
        } catch {
            throw .channel(error)
        }
    }

    // The borrow of the bytes ends with the call.
    private func send(
        _ buffer: borrowing MessageBuffer, labeled label: QueueLabel, until deadline: Deadline
    ) async throws(IPCError) {
        try await send(buffer.bytes, labeled: label, until: deadline)
    }

    /// Sends `bytes` cut into messages of `messageSize` bytes each, one by one, with the standard label.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await send(contentsOf: bytes, messageSize: messageSize, labeled: .standard, until: deadline)
    }

    /// Sends `bytes` cut into messages of `messageSize` bytes each, one by one, with a label.
    ///
    /// - Throws: ``BatchError`` with the number of messages that were sent.
    public func send(
        contentsOf bytes: RawSpan, messageSize: Int, labeled label: QueueLabel, until deadline: Deadline
    ) async throws(BatchError) {
        guard messageSize > 0 || bytes.byteCount == 0 else {
            throw BatchError(sentCount: 0, error: IPCError(.invalidArgument, "send: messageSize must be positive"))
        }
        var sentCount = 0
        var offset = 0
        while offset < bytes.byteCount {
            let end = offset + min(messageSize, bytes.byteCount - offset)
            do throws(IPCError) {
                try await send(bytes.extracting(offset..<end), labeled: label, until: deadline)
            } catch {
                throw BatchError(sentCount: sentCount, error: error)
            }
            sentCount += 1
            offset = end
        }
    }

    /// Waits for a message and lets `body` read it. Never nil: a queue has no end.
    @inlinable
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await receive(.any, until: deadline) { (bytes: RawSpan, _: QueueLabel) throws(Failure) -> Result in
            try body(bytes)
        }
    }

    /// Lets `body` read a message if one is there; never `.finished`.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let found = try tryReceive(.any) { (bytes: RawSpan, _: QueueLabel) throws(Failure) -> Result in
            try body(bytes)
        }
        return found.map { .message($0) } ?? .empty
    }

    /// Waits for at least one message and hands over those that are there, at most `maximumCount`.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await receive(.any, upTo: maximumCount, until: deadline) { bytes, _ in body(bytes) }
    }

    /// Waits for at least one message that `selection` matches and hands over those that are there, each with its label,
    /// at most `maximumCount`.
    ///
    /// - Returns: how many there were.
    public func receive(
        _ selection: QueueSelection, upTo maximumCount: Int, until deadline: Deadline = .never,
        into body: (RawSpan, QueueLabel) -> Void
    ) async throws(IPCError) -> Int {
        guard maximumCount > 0 else {
            throw IPCError(.invalidArgument, "receive: maximumCount must be positive")
        }
        do {
            try await receive(selection, until: deadline) { (bytes: RawSpan, label: QueueLabel) throws(Never) in
                body(bytes, label)
            }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
        var count = 1
        while count < maximumCount {
            // What is wrong shows at the next call: these messages were received.
            let more: Void? = try? tryReceive(selection) { (bytes: RawSpan, label: QueueLabel) throws(Never) in
                body(bytes, label)
            }
            guard more != nil else { break }
            count += 1
        }
        return count
    }
}
