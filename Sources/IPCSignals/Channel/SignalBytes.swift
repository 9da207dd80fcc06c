public import IPCCore
import IPCSystem

/// A ``SignalChannel`` seen as a channel of bytes: each message is 0 to 4 bytes.
public struct SignalBytes: Channel, ByteReceiveChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// The channel.
    public let channel: SignalChannel

    /// The guarantees of the channel.
    public var guarantees: ChannelGuarantees { channel.guarantees }

    /// Sends one message. See ``SignalChannel/send(_:until:)``. - Throws: also `.messageTooLarge`.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        let (kind, value) = try unsafe Self.pack(message.span.bytes)
        try await channel.send(kind, value, until: deadline)
    }

    /// Sends one message if the peer has room for it.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        let (kind, value) = try unsafe Self.pack(message.span.bytes)
        return try channel.trySend(kind, value)
    }

    /// Waits for the next message.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        try await channel.receiveFrame(until: deadline).map(Self.unpack)
    }

    /// The next message if one is there.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        switch try channel.tryReceiveFrame() {
        case .message(let content): .message(Self.unpack(content))
        case .empty: .empty
        case .finished: .finished
        }
    }

    /// Tells the peer that no more comes.
    public func finish(until deadline: Deadline) async throws(IPCError) { try await channel.finish(until: deadline) }

    /// Closes the channel.
    public func close() { channel.close() }

    private static func pack(_ bytes: RawSpan) throws(IPCError) -> (SignalFrame.Kind, UInt32) {
        guard bytes.byteCount <= 4 else {
            throw IPCError(.messageTooLarge, "send: \(bytes.byteCount) bytes, and a signal carries 0 to 4")
        }
        var value: UInt32 = 0
        for (place, byte) in [UInt8](bytes).enumerated() { value |= UInt32(byte) << UInt32(8 * place) }
        return (.message(byteCount: UInt32(bytes.byteCount)), value)
    }

    private static func unpack(_ content: SignalChannel.Content) -> [UInt8] {
        (0..<content.byteCount).map { UInt8(truncatingIfNeeded: content.value >> (8 * $0)) }
    }
}

/// In place.
extension SignalBytes {
    /// Sends the bytes as one message.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        let (kind, value) = try Self.pack(bytes)
        try await channel.send(kind, value, until: deadline)
    }

    /// Sends the bytes as one message if the peer has room.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        let (kind, value) = try Self.pack(bytes)
        return try channel.trySend(kind, value)
    }

    /// Sends one message of at most 4 bytes that `body` writes.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        guard (0...4).contains(byteCount) else {
            throw .channel(
                IPCError(
                    byteCount < 0 ? .invalidArgument : .messageTooLarge,
                    "send: \(byteCount) bytes, and a signal carries 0 to 4"))
        }
        var buffer = MessageBuffer(capacity: 4)
        do throws(Failure) {
            try buffer.append(byteCount: byteCount, initializingWith: body)
        } catch {
            throw .body(error)
        }
        let message = [UInt8](buffer.bytes)
        do throws(IPCError) {
            try await send(message, until: deadline)
        } catch {
            throw .channel(error)
        }
    }

    /// Sends `bytes` cut into messages of `messageSize` bytes, one by one.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        guard messageSize > 0 else {
            throw BatchError(
                sentCount: 0, error: IPCError(.invalidArgument, "send a batch: messages of \(messageSize) bytes"))
        }
        var sentCount = 0
        var start = 0
        while start < bytes.byteCount {
            let end = min(start + messageSize, bytes.byteCount)
            do throws(IPCError) {
                try await send(bytes.extracting(start..<end), until: deadline)
            } catch {
                throw BatchError(sentCount: sentCount, error: error)
            }
            sentCount += 1
            start = end
        }
    }

    /// Waits for a message and lets `body` read it.
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        let message: [UInt8]?
        do throws(IPCError) {
            message = try await receive(until: deadline)
        } catch {
            throw .channel(error)
        }
        guard let message else { return nil }
        do throws(Failure) {
            return try unsafe body(message.span.bytes)
        } catch {
            throw .body(error)
        }
    }

    /// Lets `body` read a message if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let found: Received<[UInt8]>
        do throws(IPCError) {
            found = try tryReceive()
        } catch {
            throw .channel(error)
        }
        guard case .message(let message) = found else { return found == .finished ? .finished : .empty }
        do throws(Failure) {
            return .message(try unsafe body(message.span.bytes))
        } catch {
            throw .body(error)
        }
    }

    /// Waits for at least one message and hands over those that are there.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        guard maximumCount > 0 else {
            throw IPCError(.invalidArgument, "receive a batch: at least one message")
        }
        guard let first = try await receive(until: deadline) else { return nil }
        unsafe body(first.span.bytes)
        var count = 1
        while count < maximumCount, case .message(let message)? = try? tryReceive() {
            unsafe body(message.span.bytes)
            count += 1
        }
        return count
    }
}

extension SignalChannel {
    /// This channel as one of bytes, for codecs and for code that knows nothing of signals.
    public var bytes: SignalBytes { SignalBytes(channel: self) }
}
