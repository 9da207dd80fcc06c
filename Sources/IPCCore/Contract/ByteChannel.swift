/// The sending end of a channel whose messages are bytes, without a copy or an allocation of its own.
///
/// The forms beside ``SendChannel/send(_:until:)`` keep the same contract (``Channel``).
public protocol ByteSendChannel: ChannelEnd {
    /// Sends the bytes as one message.
    func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError)

    /// Sends the bytes as one message if there is room for it now; false when `send` would wait.
    func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool

    /// Sends one message of `byteCount` bytes that `body` writes in place.
    ///
    /// `body` must fill the span; what it leaves unfilled is not sent, so the message is what was initialized. When `body`
    /// throws, nothing is sent.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` as `send` does, or ``ChannelBodyError/body(_:)``.
    func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>)

    /// Sends `bytes` cut into messages of `messageSize` bytes each (the last may be shorter), with as few system calls
    /// as the transport needs.
    ///
    /// - Throws: ``BatchError`` with the number of messages that were sent.
    func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError)

    /// Sends each element as one message, with as few system calls as the transport needs.
    ///
    /// - Throws: ``BatchError`` with the number of messages that were sent.
    func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError)

    /// See ``SendChannel/finish(until:)``.
    func finish(until deadline: Deadline) async throws(IPCError)
}

/// The receiving end of a channel whose messages are bytes, read where the transport has them.
///
/// The forms beside ``ReceiveChannel/receive(until:)`` keep the same contract (``Channel``).
public protocol ByteReceiveChannel: ChannelEnd {
    /// Waits for a message and lets `body` read it in place. The message is consumed even when `body` throws.
    ///
    /// - Returns: what `body` returned; nil when the peer has finished.
    /// - Throws: ``ChannelBodyError/channel(_:)`` as `receive` does, or ``ChannelBodyError/body(_:)``.
    func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result?

    /// Lets `body` read a message in place if one is there.
    func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result>

    /// Waits for at least one message and hands over those that have arrived, at most `maximumCount`, each in place.
    ///
    /// - Returns: how many there were; nil when the peer has finished.
    func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int?
}

/// A channel whose messages are bytes, both ways.
public typealias ByteChannel = ByteReceiveChannel & ByteSendChannel

/// Two errors in one signature: the channel's and the closure's.
public enum ChannelBodyError<Body: Error>: Error {
    /// The channel failed; nothing was sent or consumed unless the channel's contract says otherwise.
    case channel(IPCError)
    /// The closure threw.
    case body(Body)
}

/// A batch that failed part of the way.
public struct BatchError: Error, Sendable, CustomStringConvertible {
    /// How many messages, from the first, were sent.
    public let sentCount: Int
    /// Why the next one was not.
    public let error: IPCError

    /// A batch of which `sentCount` messages were sent.
    public init(sentCount: Int, error: IPCError) {
        self.sentCount = sentCount
        self.error = error
    }

    /// The error with the count.
    public var description: String { "\(error) after \(sentCount) messages" }
}

extension ByteSendChannel {
    /// Sends the bytes without a deadline.
    @inlinable
    public func send(_ bytes: RawSpan) async throws(IPCError) {
        // An `await` costs a look at the task's executor, as much as the rest of a small message. A larger one might go out
        // in part, and `trySend` would have the library's own task send what is left.
        if bytes.byteCount <= 2048, try trySend(bytes) { return }
        try await send(bytes, until: .never)
    }

    /// Sends one message that `body`, which does not throw, writes in place.
    @inlinable
    public func send(
        byteCount: Int, until deadline: Deadline = .never, initializingWith body: (inout OutputRawSpan) -> Void
    ) async throws(IPCError) {
        do {
            try await sendFilled(byteCount, deadline, Never.self, body)
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    /// Names the failure, which overload resolution would otherwise take for this file's non-throwing form.
    @inlinable
    func sendFilled<Failure: Error>(
        _ byteCount: Int, _ deadline: Deadline, _ failure: Failure.Type,
        _ body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await send(byteCount: byteCount, until: deadline, initializingWith: body)
    }

    /// Sends each element as one message without a deadline.
    @inlinable
    public func send(contentsOf messages: [[UInt8]]) async throws(BatchError) {
        try await send(contentsOf: messages, until: .never)
    }

    /// Sends each element as one message, one by one: for transports that have nothing better.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        for (index, message) in messages.enumerated() {
            do {
                try await unsafe send(message.span.bytes, until: deadline)
            } catch {
                throw BatchError(sentCount: index, error: error)
            }
        }
    }
}

extension ByteReceiveChannel {
    /// Waits for a message and lets `body`, which does not throw, read it in place.
    @inlinable
    public func receive<Result>(
        until deadline: Deadline = .never, _ body: (RawSpan) -> Result
    ) async throws(IPCError) -> Result? {
        do {
            return try await receive(until: deadline) { (bytes: RawSpan) throws(Never) -> Result in body(bytes) }
        } catch {
            switch error {
            case .channel(let error): throw error
            }
        }
    }

    /// Waits for at least one message and appends those that have arrived, at most `maximumCount`, to `messages`.
    ///
    /// - Returns: how many there were; nil when the peer has finished.
    public func receive(
        upTo maximumCount: Int, into messages: inout [[UInt8]], until deadline: Deadline = .never
    ) async throws(IPCError) -> Int? {
        var arrived: [[UInt8]] = []
        let count = try await receive(upTo: maximumCount, until: deadline) { arrived.append([UInt8]($0)) }
        messages.append(contentsOf: arrived)
        return count
    }
}
