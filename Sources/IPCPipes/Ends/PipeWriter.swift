public import IPCCore
package import IPCSystem

/// The writing end of a pipe or FIFO: a send-only channel.
///
/// With ``PipeFraming/bytes`` it writes what it is given and nothing else: so it talks to any program. With
/// ``PipeFraming/messages`` the ``PipeReader`` on the other side receives message by message; with
/// ``PipeFraming/messagesFromManyWriters`` any number of writers share the pipe.
///
/// A reader that is gone is the error `.peerClosed`. SIGPIPE does not reach the program. pipe(7), write(2).
public final class PipeWriter: SendChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    package let sender: StreamSender
    /// The name that this end was opened by: its maker removes it when nobody uses it any more.
    private let name: NamedPipe?

    package init(_ descriptor: consuming OwnedDescriptor, _ options: PipeOptions, name: NamedPipe? = nil)
        throws(IPCError)
    {
        let stream = try StreamDescriptor(descriptor, kind: .pipe, uses: 1)
        sender = StreamSender(stream, options.stream)
        self.name = name
    }

    init(_ sender: StreamSender) {
        self.sender = sender
        name = nil
    }

    /// Ordered and lossless; the rest depends on the framing.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(
            direction: .sends, framing: sender.options.framing, maximumMessageSize: sender.options.maximumMessageSize)
    }

    /// Sends one message, the whole of it or nothing; suspends while the pipe is full.
    ///
    /// - Throws: `.peerClosed` when nobody reads any more; `.timedOut` and `.cancelled` when nothing was sent;
    ///   `.messageTooLarge`, `.finished`, `.closed`. write(2).
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe sender.send(message.span.bytes, until: deadline)
    }

    /// Sends the bytes as one message. See ``send(_:until:)-([UInt8],_)``.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await sender.send(bytes, until: deadline)
    }

    /// Sends one message that `body` writes in place. See `ByteSendChannel`.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await sender.send(byteCount: byteCount, until: deadline, initializingWith: body)
    }

    /// Sends `bytes` cut into messages, many with one system call. See `ByteSendChannel`.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await sender.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    /// Sends each element as one message, many with one system call. See `ByteSendChannel`.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await sender.send(contentsOf: messages, until: deadline)
    }

    /// Sends one message if there is room for its beginning; the rest, if any, goes out by itself.
    ///
    /// - Returns: false when ``send(_:until:)-([UInt8],_)`` would wait.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try unsafe sender.trySend(message.span.bytes)
    }

    /// Sends the bytes as one message if there is room for its beginning.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try sender.trySend(bytes) }

    /// Ends the stream: with frames the reader gets nil after the last message, without them once every writer has
    /// closed. The descriptor is closed.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sender.finish(until: deadline)
    }

    /// Closes the writing end at once; whoever waits on it gets `.closed`. Idempotent. With frames the reader gets
    /// `.peerClosed`, without them the end of the pipe.
    public func close() { sender.close() }
}
