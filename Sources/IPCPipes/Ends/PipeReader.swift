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

    package init(_ descriptor: consuming OwnedDescriptor, _ options: PipeOptions) throws(IPCError) {
        let stream = try StreamDescriptor(descriptor, kind: .pipe, uses: 1)
        receiver = StreamReceiver(stream, options.stream)
    }

    /// Ordered and lossless; the rest depends on the framing.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(
            direction: .receives, framing: receiver.options.framing,
            maximumMessageSize: receiver.options.maximumMessageSize)
    }

    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        guard try await receiver.begin(until: deadline) else { return nil }
        defer { receiver.end() }
        return receiver.messageCopy
    }

    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        try receiver.tryReceive()
    }

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

    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try receiver.tryReceive(body)
    }

    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await receiver.receive(upTo: maximumCount, until: deadline, into: body)
    }

    /// Closes the reading end. Who writes to the pipe afterwards gets EPIPE, unless there are other readers.
    public func close() { receiver.close() }
}
