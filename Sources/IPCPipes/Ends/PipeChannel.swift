public import IPCCore

/// Messages both ways over two pipes.
///
/// ```swift
/// let (near, far) = try PipeChannel.makePair()
/// try await near.send([1, 2, 3])
/// let message = try await far.receive()  // [1, 2, 3]
/// ```
///
/// One end is used here and the other in a process that got it (`DescriptorTransferable`). Each way ends by itself:
/// after ``finish(until:)`` the other way still works. When the peer dies, ``receive(until:)`` delivers what is left and
/// throws `.peerClosed`, and sending throws `.peerClosed` at once. pipe(7).
public final class PipeChannel: Channel, ByteReceiveChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// What comes in.
    public let reader: PipeReader
    /// What goes out.
    public let writer: PipeWriter

    /// A channel over the ends of two pipes, which it takes over.
    public init(reader: PipeReader, writer: PipeWriter) {
        self.reader = reader
        self.writer = writer
    }

    /// Two channels that are each other's peers.
    ///
    /// - Throws: as ``AnonymousPipe/make(options:)``.
    public static func makePair(
        options: PipeOptions = PipeOptions()
    ) throws(IPCError) -> (PipeChannel, PipeChannel) {
        let there = try AnonymousPipe.make(options: options)
        let back = try AnonymousPipe.make(options: options)
        return (
            PipeChannel(reader: back.reader, writer: there.writer),
            PipeChannel(reader: there.reader, writer: back.writer)
        )
    }

    /// Those of its two ends.
    public var guarantees: ChannelGuarantees {
        var guarantees = writer.guarantees
        guarantees.direction = .both
        return guarantees
    }

    /// The next message; waits for it. See ``PipeReader/receive(until:)``.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        try await reader.receive(until: deadline)
    }

    /// The next message if one is there. See ``PipeReader/tryReceive()``.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> { try reader.tryReceive() }

    /// Waits for a message and lets `body` read it in place. See `ByteReceiveChannel`.
    @inlinable
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await reader.receive(until: deadline, body)
    }

    /// Lets `body` read a message in place if one is there. See `ByteReceiveChannel`.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try reader.tryReceive(body)
    }

    /// Waits for at least one message and hands over those that have arrived. See `ByteReceiveChannel`.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await reader.receive(upTo: maximumCount, until: deadline, into: body)
    }

    /// Sends one message, the whole of it or nothing. See ``PipeWriter/send(_:until:)-([UInt8],_)``.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await writer.send(message, until: deadline)
    }

    /// Sends the bytes as one message. See ``PipeWriter/send(_:until:)-([UInt8],_)``.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await writer.send(bytes, until: deadline)
    }

    /// Sends one message that `body` writes in place. See `ByteSendChannel`.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await writer.send(byteCount: byteCount, until: deadline, initializingWith: body)
    }

    /// Sends `bytes` cut into messages, many with one system call. See `ByteSendChannel`.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await writer.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    /// Sends each element as one message, many with one system call. See `ByteSendChannel`.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await writer.send(contentsOf: messages, until: deadline)
    }

    /// Sends one message if there is room for its beginning. See ``PipeWriter/trySend(_:)-([UInt8])``.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool { try writer.trySend(message) }

    /// Sends the bytes as one message if there is room for its beginning.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try writer.trySend(bytes) }

    /// Tells the peer that no more will come; receiving goes on. See ``PipeWriter/finish(until:)``.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await writer.finish(until: deadline)
    }

    /// Closes both ends at once; whoever waits on them gets `.closed`. Idempotent.
    public func close() {
        reader.close()
        writer.close()
    }
}
