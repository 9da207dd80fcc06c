/// What every end of a channel has: what it promises, and a way to let go of it.
///
/// See ``Channel`` for the contract.
public protocol ChannelEnd: Sendable {
    /// What this end promises: order, boundaries, what it tells of its peer, limits. An instance property, because
    /// limits differ from object to object.
    var guarantees: ChannelGuarantees { get }

    /// Releases this end at once. Idempotent, never waits, drops what is pending; whoever waits on it gets `.closed`.
    ///
    /// The peer sees the end without a `finish`: its `receive` throws `.peerClosed` after what was delivered.
    func close()
}

/// The sending end of a channel. See ``Channel`` for the contract.
public protocol SendChannel<Outbound>: ChannelEnd {
    /// The messages that this end takes.
    associatedtype Outbound: Sendable

    /// Sends one message, the whole of it or nothing; suspends while the channel is full.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.peerClosed`, `.closed`, `.finished`,
    ///   `.messageTooLarge`.
    func send(_ message: Outbound, until deadline: Deadline) async throws(IPCError)

    /// Sends one message if the channel has room for it now.
    ///
    /// - Returns: false when `send` would wait. Nothing was sent then.
    func trySend(_ message: Outbound) throws(IPCError) -> Bool

    /// Tells the peer that no more will come, after everything that is pending has gone out.
    ///
    /// The peer's `receive` returns nil after the last message. Further sends throw `.finished`. A second call does
    /// nothing. The receiving side of the same channel is not touched.
    func finish(until deadline: Deadline) async throws(IPCError)
}

/// The receiving end of a channel. See ``Channel`` for the contract.
public protocol ReceiveChannel<Inbound>: ChannelEnd {
    /// The messages that this end delivers.
    associatedtype Inbound: Sendable

    /// The next message; waits for it.
    ///
    /// - Returns: nil when the peer has finished and everything was delivered. It stays nil.
    /// - Throws: `.timedOut` or `.cancelled` when nothing was consumed; `.peerClosed` when the peer is gone without
    ///   having finished; `.truncated` when it went inside a message; `.closed`; `.messageTooLarge`, `.wrongMagic`,
    ///   `.wrongVersion` or `.protocolViolation` when the peer sent what it must not.
    func receive(until deadline: Deadline) async throws(IPCError) -> Inbound?

    /// The next message if one is there.
    func tryReceive() throws(IPCError) -> Received<Inbound>
}

/// A channel: messages go out and come in, with one contract for every mechanism.
///
/// - **Messages** are whole. `send` hands over the whole message or nothing; `receive` delivers it as it was sent, an
///   empty one too.
/// - **Order** is first in, first out for each sender. Concurrent sends never interleave. Concurrent receives share the
///   messages: each is delivered once.
/// - **Two outcomes.** Returning means committed. Throwing `.cancelled` or `.timedOut` means that nothing was sent or
///   consumed. Once the first byte of a message has left, `send` hands over the rest and returns: completion beats
///   cancellation, and a stream is never torn.
/// - **Every wait** takes a deadline and obeys the cancellation of its task. A deadline that has passed still tries once.
/// - **Backpressure** is the buffer of the mechanism and nothing behind it but the rest of one message. A full channel
///   suspends `send`; `trySend` says false.
/// - **End is not death.** After the peer's `finish`, `receive` delivers what is left and then returns nil. When the peer
///   dies or closes without it, what is left is delivered and then `receive` throws `.peerClosed`, or `.truncated` if the
///   last message was cut. Sending to a peer that is gone throws `.peerClosed`; SIGPIPE never reaches the program, and
///   its disposition is not changed.
/// - **Size** is bounded: a message above ``ChannelGuarantees/maximumMessageSize`` is refused before memory is taken for
///   it, on both sides. Messages larger than the kernel's buffer go through.
/// - **Tasks.** Every end may be used from any number of tasks at once. No call blocks a thread of Swift's pool.
///
/// What a mechanism cannot do is said in its ``ChannelGuarantees``. The contract is also a test suite that every
/// transport passes: `IPCTestKit`.
public protocol Channel<Inbound, Outbound>: SendChannel, ReceiveChannel {}

/// What `tryReceive` found.
public enum Received<Message> {
    /// A message.
    case message(Message)
    /// Nothing yet: `receive` would wait.
    case empty
    /// The peer has finished, and everything was delivered.
    case finished
}

extension Received: Sendable where Message: Sendable {}
extension Received: Equatable where Message: Equatable {}

extension SendChannel {
    /// Sends one message without a deadline. See ``send(_:until:)``.
    @inlinable
    public func send(_ message: Outbound) async throws(IPCError) {
        try await send(message, until: .never)
    }

    /// Finishes without a deadline. See ``finish(until:)``.
    @inlinable
    public func finish() async throws(IPCError) {
        try await finish(until: .never)
    }
}

extension ReceiveChannel {
    /// Receives one message without a deadline. See ``receive(until:)``.
    @inlinable
    public func receive() async throws(IPCError) -> Inbound? {
        try await receive(until: .never)
    }
}
