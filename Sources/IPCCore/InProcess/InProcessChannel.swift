/// One end of a pair in this process: the contract of ``Channel`` without any mechanism of the kernel behind it.
///
/// For tests of code that takes channels, for parts of one program that may later become two, and as the reference of
/// what every transport does. Messages are arrays that change hands; nothing is copied but by the forms that take spans.
///
/// ```swift
/// let (near, far) = InProcessChannel.makePair(capacity: 16)
/// try await near.send([1, 2, 3])
/// let message = try await far.receive()        // [1, 2, 3]
/// try await near.finish()
/// let end = try await far.receive()            // nil
/// ```
///
/// Letting go of the last reference to an end closes it, but ``close()`` is the way.
public final class InProcessChannel: Channel, ByteChannel {
    let outgoing: InProcessDirection
    let incomingMessages: InProcessDirection
    /// See ``ChannelEnd/guarantees``.
    public let guarantees: ChannelGuarantees

    private init(_ outgoing: InProcessDirection, _ incoming: InProcessDirection, _ guarantees: ChannelGuarantees) {
        self.outgoing = outgoing
        incomingMessages = incoming
        self.guarantees = guarantees
    }

    deinit { close() }

    /// Makes two connected ends.
    ///
    /// - Parameters:
    ///   - capacity: how many messages each direction holds without a receiver; 0 means that a send waits for its receiver.
    ///   - maximumMessageSize: the largest message in bytes.
    public static func makePair(
        capacity: Int = 64, maximumMessageSize: Int = 16 << 20
    ) -> (InProcessChannel, InProcessChannel) {
        precondition(capacity >= 0 && maximumMessageSize >= 0, "a capacity and a size cannot be negative")
        let guarantees = ChannelGuarantees(maximumMessageSize: maximumMessageSize, messageCapacity: capacity)
        let there = InProcessDirection(capacity: capacity)
        let back = InProcessDirection(capacity: capacity)
        return (InProcessChannel(there, back, guarantees), InProcessChannel(back, there, guarantees))
    }

    /// See ``SendChannel/send(_:until:)``.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try checkSize(message.count)
        try await outgoing.send(message, until: deadline)
    }

    /// See ``SendChannel/trySend(_:)``.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try checkSize(message.count)
        return try outgoing.trySend(message)
    }

    /// Ends this direction: after what was sent, and what waits for room, the peer's `receive` returns nil. Does not wait.
    ///
    /// - Throws: `.closed` when this end was closed.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try outgoing.finish()
    }

    /// See ``ReceiveChannel/receive(until:)``.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        try await incomingMessages.receive(until: deadline)
    }

    /// See ``ReceiveChannel/tryReceive()``.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        try incomingMessages.tryReceive()
    }

    /// See ``ChannelEnd/close()``.
    public func close() {
        outgoing.closeSender()
        incomingMessages.closeReceiver()
    }

    /// Refuses a message that is too large, unless nothing can be sent anyway.
    func checkSize(_ byteCount: Int) throws(IPCError) {
        guard byteCount > guarantees.maximumMessageSize else { return }
        try outgoing.checkSending()
        throw IPCError(
            .messageTooLarge,
            "send: a message of \(byteCount) bytes is above the limit of \(guarantees.maximumMessageSize); "
                + "send it in parts or make the pair with a higher limit")
    }
}
