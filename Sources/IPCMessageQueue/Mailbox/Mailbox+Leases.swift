public import IPCCore
import IPCSystem

/// Shared work that must not be lost with a receiver.
extension Mailbox {
    /// Waits for a message that `selection` matches and runs `body` with it: it is received when `body` returns. When `body`
    /// throws or this process dies, it is given to another receiver. See ``SharedQueue/withLease(_:until:_:)``.
    ///
    /// - Throws: as that; `.unsupported` for a broadcast, where everybody has the message anyway.
    public func withLease<Result, Failure: Error>(
        _ selection: QueueSelection = .any, until deadline: Deadline = .never,
        _ body: (LeasedMessage) async throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        let queue: SharedQueue
        do throws(IPCError) {
            queue = try work("lease a message")
        } catch {
            throw .channel(error)
        }
        return try await queue.withLease(selection, until: deadline) { (message) async throws(Failure) -> Result in
            try await body(Self.open(message))
        }
    }

    /// The same on the calling thread, which it blocks. Never call it in a task.
    public func withLeaseBlocking<Result, Failure: Error>(
        _ selection: QueueSelection = .any, until deadline: Deadline = .never,
        _ body: (LeasedMessage) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let queue: SharedQueue
        do throws(IPCError) {
            queue = try work("lease a message")
        } catch {
            throw .channel(error)
        }
        return try queue.withLeaseBlocking(selection, until: deadline) { (message) throws(Failure) -> Result in
            try body(Self.open(message))
        }
    }

    /// Takes the oldest dead letter: a message that was given out too often. Nil when there is none.
    ///
    /// - Throws: as ``SharedQueue/receiveDeadLetter(until:)``; `.unsupported` for a broadcast.
    public func receiveDeadLetter(until deadline: Deadline = .never) async throws(IPCError) -> QueueMessage<[UInt8]>? {
        guard let letter = try await work("receive a dead letter").receiveDeadLetter(until: deadline) else {
            return nil
        }
        let opened = Self.open(LeasedMessage(payload: letter.payload, label: letter.label))
        return QueueMessage(payload: opened.payload, label: opened.label)
    }

    private func work(_ doing: StaticString) throws(IPCError) -> SharedQueue {
        guard case .work(let queue) = kind else {
            throw IPCError(.unsupported, "\(doing): this mailbox is a broadcast; just receive", object: name)
        }
        return queue
    }

    private static func open(_ message: LeasedMessage) -> LeasedMessage {
        var label = message.label
        label.returnAddress = unsafe ReturnAddress(before: message.payload.span.bytes)
        return LeasedMessage(payload: Array(message.payload.dropFirst(ReturnAddress.byteCount)), label: label)
    }
}
