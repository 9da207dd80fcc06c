public import IPCCore

/// Messages as values: what ``Channel`` asks for, by the calls of ``MessageQueue``.
extension MessageQueue {
    /// Sends a message with its label. See ``send(_:labeled:until:)``.
    @inlinable
    public func send(_ message: QueueMessage<[UInt8]>, until deadline: Deadline) async throws(IPCError) {
        try await unsafe send(message.payload.span.bytes, labeled: message.label, until: deadline)
    }

    /// Sends a message with its label if there is room now. See ``trySend(_:labeled:)``.
    @inlinable
    public func trySend(_ message: QueueMessage<[UInt8]>) throws(IPCError) -> Bool {
        try unsafe trySend(message.payload.span.bytes, labeled: message.label)
    }

    /// Waits for the next message. Never nil: a queue has no end.
    @inlinable
    public func receive(until deadline: Deadline) async throws(IPCError) -> QueueMessage<[UInt8]>? {
        try await receive(.any, until: deadline)
    }

    /// The next message if one is there; never `.finished`.
    public func tryReceive() throws(IPCError) -> Received<QueueMessage<[UInt8]>> {
        try tryReceive(.any).map { .message($0) } ?? .empty
    }

    /// Waits for the next message that `selection` matches. See ``receive(_:until:_:)``.
    @inlinable
    public func receive(
        _ selection: QueueSelection, until deadline: Deadline = .never
    ) async throws(IPCError) -> QueueMessage<[UInt8]> {
        do {
            return try await receive(selection, until: deadline) {
                (bytes: RawSpan, label: QueueLabel) throws(Never) -> QueueMessage<[UInt8]> in
                QueueMessage(payload: [UInt8](bytes), label: label)
            }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    /// The next message that `selection` matches, if there is one. See ``tryReceive(_:_:)``.
    @inlinable
    public func tryReceive(_ selection: QueueSelection) throws(IPCError) -> QueueMessage<[UInt8]>? {
        do {
            return try tryReceive(selection) {
                (bytes: RawSpan, label: QueueLabel) throws(Never) -> QueueMessage<[UInt8]> in
                QueueMessage(payload: [UInt8](bytes), label: label)
            }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    /// Sends on the calling thread, which it blocks. Never call it in a task. See ``sendBlocking(_:labeled:until:)``.
    @inlinable
    public func sendBlocking(_ message: QueueMessage<[UInt8]>, until deadline: Deadline = .never) throws(IPCError) {
        try unsafe sendBlocking(message.payload.span.bytes, labeled: message.label, until: deadline)
    }

    /// Receives on the calling thread, which it blocks. Never call it in a task. See ``receiveBlocking(_:until:_:)``.
    @inlinable
    public func receiveBlocking(
        _ selection: QueueSelection = .any, until deadline: Deadline = .never
    ) throws(IPCError) -> QueueMessage<[UInt8]> {
        do {
            return try receiveBlocking(selection, until: deadline) {
                (bytes: RawSpan, label: QueueLabel) throws(Never) -> QueueMessage<[UInt8]> in
                QueueMessage(payload: [UInt8](bytes), label: label)
            }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }
}
