public import IPCCore

/// A queue seen as a channel of bytes: everything is sent with one label, and what is received comes without its label.
/// Made by ``MessageQueue/payloads(labeled:selecting:)``.
public struct QueuePayloads<Queue: MessageQueue>: Channel, ByteReceiveChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// The queue.
    public let queue: Queue
    /// What every message is sent with.
    public let label: QueueLabel
    /// Which messages are received.
    public let selection: QueueSelection

    /// The guarantees of the queue.
    public var guarantees: ChannelGuarantees { queue.guarantees }

    /// Sends one message. See ``MessageQueue/send(_:labeled:until:)``.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe queue.send(message.span.bytes, labeled: label, until: deadline)
    }

    /// Sends one message if there is room now.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try unsafe queue.trySend(message.span.bytes, labeled: label)
    }

    /// Waits for the next message that matches. Never nil: a queue has no end.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        try await queue.receive(selection, until: deadline).payload
    }

    /// The next message that matches if there is one; never `.finished`.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        try queue.tryReceive(selection).map { .message($0.payload) } ?? .empty
    }

    /// Ends sending through the queue's object. See ``SendChannel/finish(until:)``.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await queue.finish(until: deadline)
    }

    /// Closes the queue's object.
    public func close() { queue.close() }
}

/// In place.
extension QueuePayloads {
    /// Sends the bytes as one message.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await queue.send(bytes, labeled: label, until: deadline)
    }

    /// Sends the bytes as one message if there is room now.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try queue.trySend(bytes, labeled: label) }

    /// Sends one message that `body` writes.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await queue.send(byteCount: byteCount, labeled: label, until: deadline, initializingWith: body)
    }

    /// Sends `bytes` cut into messages, one by one.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await queue.send(contentsOf: bytes, messageSize: messageSize, labeled: label, until: deadline)
    }

    /// Waits for a message that matches and lets `body` read it.
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await queue.receive(selection, until: deadline) {
            (bytes: RawSpan, _: QueueLabel) throws(Failure) -> Result in
            try body(bytes)
        }
    }

    /// Lets `body` read a message that matches if there is one.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let found = try queue.tryReceive(selection) { (bytes: RawSpan, _: QueueLabel) throws(Failure) -> Result in
            try body(bytes)
        }
        return found.map { .message($0) } ?? .empty
    }

    /// Waits for at least one message that matches and hands over those that are there.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await queue.receive(selection, upTo: maximumCount, until: deadline) { bytes, _ in body(bytes) }
    }
}

extension MessageQueue {
    /// This queue as a channel of bytes: for code that knows nothing of queues.
    public func payloads(
        labeled label: QueueLabel = .standard, selecting selection: QueueSelection = .any
    ) -> QueuePayloads<Self> {
        QueuePayloads(queue: self, label: label, selection: selection)
    }
}
