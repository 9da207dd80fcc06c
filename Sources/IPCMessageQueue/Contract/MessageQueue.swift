public import IPCCore

/// A place that any number of processes send messages to and receive them from: what all queues here have in common.
///
/// A queue is a ``Channel`` of ``QueueMessage`` and, with ``QueueLabel/standard`` labels, a channel of bytes. Its topology
/// is `.queue`: `finish` ends sending through this object alone, `close` lets go of it, and nobody is told whether anyone
/// is on the other side. Each message goes to one receiver, whoever asks first; in a ``Mailbox`` that is a broadcast to every
/// object that has joined.
///
/// Every way to send and receive rests on the six calls below; the rest is the same for all queues. The forms with
/// `…Blocking` block the calling thread, which must not be one of Swift's own: never call them in a task.
public protocol MessageQueue: Channel, ByteReceiveChannel, ByteSendChannel
where Inbound == QueueMessage<[UInt8]>, Outbound == QueueMessage<[UInt8]> {
    /// How many messages wait at this moment. - Throws: `.closed`, `.removed`.
    var depth: Int { get throws(IPCError) }

    /// Sends the bytes as one message; suspends while the queue is full.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.invalidArgument` for a label that this queue cannot
    ///   carry; `.messageTooLarge`, `.finished`, `.closed`, `.removed`, `.resourceExhausted`.
    func send(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) async throws(IPCError)

    /// Sends the bytes as one message if there is room now; false when `send` would wait.
    func trySend(_ bytes: RawSpan, labeled label: QueueLabel) throws(IPCError) -> Bool

    /// Waits for a message that `selection` matches and lets `body` read it. The message is consumed even when `body`
    /// throws.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` with `.timedOut` or `.cancelled` when nothing was consumed, `.closed`,
    ///   `.removed`, `.unsupported` for a selection that this queue cannot make; or ``ChannelBodyError/body(_:)``.
    func receive<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result

    /// Lets `body` read a message that `selection` matches if one is there; nil when `receive` would wait.
    func tryReceive<Result, Failure: Error>(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result?

    /// ``send(_:labeled:until:)`` on the calling thread, which it blocks. Never call it in a task.
    func sendBlocking(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) throws(IPCError)

    /// ``receive(_:until:_:)`` on the calling thread, which it blocks. Never call it in a task.
    func receiveBlocking<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result
}
