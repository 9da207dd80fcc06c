public import IPCCore
package import IPCSystem

/// The reading end of a pipe or FIFO: a receive-only channel.
///
/// With ``PipeFraming/bytes`` a message is whatever bytes have arrived, at most `maximumMessageSize` of them, and the end
/// of the pipe is nil: so it talks to any program. With ``PipeFraming/messages`` it receives what the ``PipeWriter`` on
/// the other side sent, message by message.
///
/// pipe(7), read(2).
public final class PipeReader: ReceiveChannel, ByteReceiveChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]

    @usableFromInline package let receiver: StreamReceiver

    private let topology: ChannelGuarantees.Topology
    /// The name that this end was opened by: its maker removes it when nobody uses it any more.
    private let name: NamedPipe?

    package init(
        _ descriptor: consuming OwnedDescriptor, _ options: PipeOptions, mayLackWriter: Bool = false,
        isOurs: Bool = true, topology: ChannelGuarantees.Topology = .link, name: NamedPipe? = nil
    ) throws(IPCError) {
        let stream = try StreamDescriptor(
            descriptor, kind: .pipe, uses: 1, mayLackWriter: mayLackWriter, shortReadMeansEmpty: isOurs)
        receiver = StreamReceiver(stream, options.stream)
        self.topology = topology
        self.name = name
    }

    init(_ receiver: StreamReceiver, topology: ChannelGuarantees.Topology) {
        self.receiver = receiver
        self.topology = topology
        name = nil
    }

    /// Ordered and lossless; the rest depends on the framing, and for a FIFO on how it sees its end.
    public var guarantees: ChannelGuarantees {
        var guarantees = ChannelGuarantees(
            direction: .receives, framing: receiver.options.framing,
            maximumMessageSize: receiver.options.maximumMessageSize)
        guarantees.topology = topology
        if topology == .queue {
            guarantees.detectsPeerDeath = false
            guarantees.tellsFinishFromDeath = false
        }
        return guarantees
    }

    /// The next message; waits for it. Without frames: the bytes that have arrived.
    ///
    /// - Returns: nil when the peer has finished, or without frames when the last writer has left.
    /// - Throws: `.peerClosed` when the last writer left without `finish`, `.truncated` when that was inside a message;
    ///   `.cancelled` and `.timedOut` with nothing consumed; `.closed`; `.messageTooLarge`, `.wrongMagic`, `.wrongVersion`
    ///   or `.protocolViolation` when something else than this protocol came. read(2).
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        guard try await receiver.begin(until: deadline) else { return nil }
        defer { receiver.end() }
        return receiver.messageCopy
    }

    /// The next message if one is there. See ``receive(until:)``.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        try receiver.tryReceive()
    }

    /// Waits for a message and lets `body` read it in place. See `ByteReceiveChannel`.
    @inlinable
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        do throws(IPCError) {
            guard try await receiver.begin(until: deadline) else { return nil }
        } catch {
            throw .channel(error)
        }
        defer { receiver.end() }
        do throws(Failure) {
            return try receiver.withMessage(body)
        } catch {
            throw .body(error)
        }
    }

    /// Lets `body` read a message in place if one is there. See `ByteReceiveChannel`.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try receiver.tryReceive(body)
    }

    /// Waits for at least one message and hands over those that have arrived. See `ByteReceiveChannel`.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await receiver.receive(upTo: maximumCount, until: deadline, into: body)
    }

    /// Closes the reading end at once; whoever waits on it gets `.closed`. Idempotent. Who writes to the pipe afterwards
    /// gets EPIPE, unless there are other readers.
    public func close() { receiver.close() }
}
