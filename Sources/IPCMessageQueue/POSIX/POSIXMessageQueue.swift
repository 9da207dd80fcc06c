public import IPCCore
import IPCSystem

/// A POSIX message queue: a named place in the kernel with room for a number of messages, the one with the highest
/// priority first. mq_overview(7).
///
/// ```swift
/// let jobs = try POSIXMessageQueue(named: "/jobs", .openOrCreate)
/// try await jobs.send(QueueMessage(payload: Array("print".utf8), priority: 5))
/// let next = try await jobs.receive(.any)
/// try POSIXMessageQueue.remove(named: "/jobs")
/// ```
///
/// - **Order.** Priorities 0 to 32,767, the highest first; within one first in, first out. There are no types:
///   ``QueueSelection/any`` is the only selection, and a label with a type other than 1 is refused.
/// - **Lifetime.** Queue and messages stay until the name is removed and nobody has it open any more, at the latest until the
///   machine starts again. A process that is killed leaves the queue as it was: a message is in it as a whole or not at all,
///   and one that was received is gone with its receiver.
/// - **With other programs.** It is the same queue that mq_open(3) opens in C, and `posix_ipc` in Python.
/// - **Waiting.** The queue is a descriptor, so a task that waits costs no thread. The tasks that send through one object
///   wait in line, whatever their priorities, and so do those that receive. `receive` looks at cancellation and deadline and
///   then waits: what it throws then has taken nothing.
/// - **Peers.** Nobody is told who else has it open. `finish` and ``close()`` concern this object.
/// - **Limits** are those of ``POSIXQueueLimits``; what exceeds one says so.
public final class POSIXMessageQueue: MessageQueue {
    /// A message with its priority.
    public typealias Inbound = QueueMessage<[UInt8]>
    /// A message with its priority.
    public typealias Outbound = QueueMessage<[UInt8]>

    /// The highest priority. MQ_PRIO_MAX - 1.
    public static let maximumPriority = 32767

    /// Its name with the slash, as it was when this object was made.
    public let name: String
    /// How many messages it holds.
    public let capacity: Int
    /// The largest message in bytes.
    public let maximumMessageSize: Int
    /// What this object does with it.
    public let access: QueueAccess
    /// Whether it was made by this object.
    public let wasCreated: Bool

    let stream: StreamDescriptor
    let sendLock = TaskLock()
    let receiveLock = TaskLock()
    /// Behind `receiveLock`.
    let inbox: Inbox
    let blocking: BlockingTwin
    let blockingBuffers: QueueBuffers
    let calls = OpenCalls()

    /// What the receiver keeps from message to message.
    final class Inbox: @unchecked Sendable {
        // SAFETY: behind `receiveLock`.
        let buffer: QueueBuffer
        var spinning = SpinPolicy()

        init(_ byteCount: Int) { buffer = QueueBuffer(byteCount: byteCount) }
    }

    /// Opens or makes a queue. mq_open(3).
    ///
    /// - Parameters:
    ///   - name: a slash and 1 to 255 bytes without another one: `/jobs`.
    ///   - intent: whether to make it.
    ///   - options: its size and permissions, and what it is used for.
    /// - Throws: `.invalidName`; `.alreadyExists`, `.notFound`, `.permissionDenied` (the system, a foreign owner);
    ///   `.typeMismatch` when it has another size than asked for; `.invalidArgument` for a size that no queue can have;
    ///   `.resourceExhausted` at one of the ``POSIXQueueLimits``: the message says which, and how to raise it.
    public convenience init(
        named name: String, _ intent: CreationIntent = .openOrCreate, options: POSIXQueueOptions = POSIXQueueOptions()
    ) throws(IPCError) {
        let founded = try POSIXQueueFounding(name, options).found(intent)
        let wasCreated = founded.wasCreated
        try self.init(founded.take(), name: name, access: options.access, wasCreated: wasCreated)
    }

    /// Takes over an open, non-blocking queue.
    init(
        _ descriptor: consuming OwnedDescriptor, name: String, access: QueueAccess, wasCreated: Bool
    ) throws(IPCError) {
        let number = descriptor.number
        let shape = try mapping("open a POSIX queue", object: name) { () throws(SystemCallError) in
            try POSIXQueueCalls.attributes(of: number)
        }
        (self.name, self.access, self.wasCreated) = (name, access, wasCreated)
        (capacity, maximumMessageSize) = (shape.capacity, shape.messageSize)
        inbox = Inbox(access.receives ? shape.messageSize : 0)
        blockingBuffers = QueueBuffers(byteCount: shape.messageSize)
        let blocking = BlockingTwin()
        self.blocking = blocking
        stream = try StreamDescriptor(descriptor, kind: .pipe, uses: 2) { blocking.close() }
    }

    deinit { close() }

    /// A queue that keeps the order of each sender within a priority, and loses nothing.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(
            topology: .queue, direction: access.direction, detectsPeerDeath: false, tellsFinishFromDeath: false,
            maximumMessageSize: maximumMessageSize, messageCapacity: capacity)
    }

    /// How many messages wait at this moment. mq_getattr(3). - Throws: `.closed`.
    public var depth: Int {
        get throws(IPCError) {
            try stream.withNumber("look at a POSIX queue") { number throws(IPCError) in
                try mapping("look at a POSIX queue", object: name) { () throws(SystemCallError) in
                    try POSIXQueueCalls.attributes(of: number).depth
                }
            }
        }
    }

    /// Removes the name. Those who have it open go on using the queue. mq_unlink(3).
    ///
    /// - Throws: `.notFound`, `.permissionDenied` (only its owner may), `.invalidName`.
    public static func remove(named name: String) throws(IPCError) {
        let bare = try POSIXQueueName.bare(name)
        try mapping("remove a POSIX queue", object: name) { () throws(SystemCallError) in
            try POSIXQueueCalls.unlink(bare)
        }
    }

    /// Ends sending through this object, after what is being sent. The queue and everybody else's objects stay.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sendLock.acquire(until: deadline, "finish")
        calls.finish()
        endSending()
    }

    /// Lets go of the queue, which stays. Idempotent, never waits; whoever waits on this object gets `.closed`.
    public func close() {
        calls.close()
        // Each direction ends its use of the descriptor once: here, or when whoever has the lock gives it back.
        if sendLock.close() { stream.endUse() } else { stream.registration.writable.signal() }
        if receiveLock.close() { stream.endUse() } else { stream.registration.readable.signal() }
    }

    func endSending() {
        if sendLock.release() { stream.endUse() }
    }

    @usableFromInline
    func endReceiving() {
        if receiveLock.release() { stream.endUse() }
    }
}
