public import IPCCore

/// Messages both ways over two pipes.
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
    /// - Throws: as ``AnonymousPipe/make(_:)``.
    public static func makePair(
        _ options: PipeOptions = PipeOptions()
    ) throws(IPCError) -> (PipeChannel, PipeChannel) {
        let there = try AnonymousPipe.make(options)
        let back = try AnonymousPipe.make(options)
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

    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        try await reader.receive(until: deadline)
    }

    public func tryReceive() throws(IPCError) -> Received<[UInt8]> { try reader.tryReceive() }

    @inlinable
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        try await reader.receive(until: deadline, body)
    }

    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try reader.tryReceive(body)
    }

    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await reader.receive(upTo: maximumCount, until: deadline, into: body)
    }

    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await writer.send(message, until: deadline)
    }

    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await writer.send(bytes, until: deadline)
    }

    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await writer.send(byteCount: byteCount, until: deadline, initializingWith: body)
    }

    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await writer.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await writer.send(contentsOf: messages, until: deadline)
    }

    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool { try writer.trySend(message) }

    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try writer.trySend(bytes) }

    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await writer.finish(until: deadline)
    }

    /// Closes both ends.
    public func close() {
        reader.close()
        writer.close()
    }
}
