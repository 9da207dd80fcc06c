public import IPCCore

/// A queue seen as a channel of typed messages with labels. Made by ``MessageQueue/messages(of:using:selecting:)``.
///
/// ```swift
/// let jobs = queue.messages(of: Job.self, using: .binary)
/// try await jobs.send(QueueMessage(payload: Job(path: "/etc/hosts"), priority: 7))
/// let next = try await jobs.receive()
/// ```
///
/// The guarantees are those of the queue; sizes are those of the encoded bytes. Bytes that are no `Payload` throw
/// `.decodingFailed`, are consumed, and the next call receives the next message.
public struct QueueChannel<Payload: Sendable>: Channel {
    /// A message with the label that it came with.
    public typealias Inbound = QueueMessage<Payload>
    /// A message with the label that it goes with.
    public typealias Outbound = QueueMessage<Payload>

    private let queue: any MessageQueue
    private let codec: MessageCodec<Payload, Payload>
    /// Which messages it receives.
    public let selection: QueueSelection

    init(_ queue: any MessageQueue, _ codec: MessageCodec<Payload, Payload>, _ selection: QueueSelection) {
        self.queue = queue
        self.codec = codec
        self.selection = selection
    }

    /// The guarantees of the queue.
    public var guarantees: ChannelGuarantees { queue.guarantees }

    /// Sends a message with its label. See ``MessageQueue/send(_:labeled:until:)``; also `.encodingFailed`.
    public func send(_ message: QueueMessage<Payload>, until deadline: Deadline) async throws(IPCError) {
        var buffer = MessageBuffer()
        try codec.encode(message.payload, into: &buffer)
        try await send(buffer, message.label, until: deadline)
    }

    /// Sends a message with its label if there is room now.
    public func trySend(_ message: QueueMessage<Payload>) throws(IPCError) -> Bool {
        var buffer = MessageBuffer()
        try codec.encode(message.payload, into: &buffer)
        return try trySend(buffer, message.label)
    }

    /// Waits for the next message that matches. Never nil: a queue has no end.
    ///
    /// - Throws: as ``MessageQueue/receive(_:until:_:)``; also `.decodingFailed`.
    public func receive(until deadline: Deadline) async throws(IPCError) -> QueueMessage<Payload>? {
        do {
            return try await queue.receive(selection, until: deadline) {
                (bytes: RawSpan, label: QueueLabel) throws(IPCError) -> QueueMessage<Payload> in
                QueueMessage(payload: try codec.decode(bytes), label: label)
            }
        } catch {
            throw error.either
        }
    }

    /// The next message that matches if there is one; never `.finished`.
    public func tryReceive() throws(IPCError) -> Received<QueueMessage<Payload>> {
        do {
            let found = try queue.tryReceive(selection) {
                (bytes: RawSpan, label: QueueLabel) throws(IPCError) -> QueueMessage<Payload> in
                QueueMessage(payload: try codec.decode(bytes), label: label)
            }
            return found.map { .message($0) } ?? .empty
        } catch {
            throw error.either
        }
    }

    /// Ends sending through the queue's object. See ``SendChannel/finish(until:)``.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await queue.finish(until: deadline)
    }

    /// Closes the queue's object.
    public func close() { queue.close() }

    private func send(
        _ buffer: borrowing MessageBuffer, _ label: QueueLabel, until deadline: Deadline
    ) async throws(IPCError) {
        try await queue.send(buffer.bytes, labeled: label, until: deadline)
    }

    private func trySend(_ buffer: borrowing MessageBuffer, _ label: QueueLabel) throws(IPCError) -> Bool {
        try queue.trySend(buffer.bytes, labeled: label)
    }
}

extension ChannelBodyError where Body == IPCError {
    /// The error of whichever of the two failed.
    var either: IPCError {
        switch self {
        case .channel(let error), .body(let error): error
        }
    }
}

extension MessageQueue {
    /// This queue with messages of a type, each with its label; those that `selection` matches are received.
    ///
    /// Several of them may share a queue, for example one for each type of message: concurrent receives do not get in
    /// each other's way.
    public func messages<Payload>(
        of payload: Payload.Type, using codec: MessageCodec<Payload, Payload>,
        selecting selection: QueueSelection = .any
    ) -> QueueChannel<Payload> {
        QueueChannel(self, codec, selection)
    }
}
