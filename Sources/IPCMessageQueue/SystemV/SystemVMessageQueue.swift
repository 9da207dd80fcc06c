public import IPCCore
import IPCSystem

/// A System V message queue: a place in the kernel with room for a number of bytes, whose receivers select by type.
/// sysvipc(7), msgop(2).
///
/// ```swift
/// let queue = try SystemVMessageQueue(SystemVQueueKey(path: "/srv/app"), .openOrCreate)
/// try await queue.send(QueueMessage(payload: Array("urgent".utf8), type: 1))
/// let first = try await queue.receive(.lowest(upTo: 10))
/// try queue.remove()
/// ```
///
/// - **Order.** First in, first out, among the messages that a ``QueueSelection`` matches. There are no priorities: a label
///   with one is refused. Types are 1 or above.
/// - **Lifetime.** Queue and messages stay until somebody removes the queue, or the machine starts again. A process that is
///   killed leaves the queue as it was: a message is in it as a whole or not at all. One that was received is its receiver's,
///   and gone with it if it is killed before it did anything with it: to have it given again, take a queue with leases.
/// - **Removal** ends all waits with `.removed`, and so does everything that is done later.
/// - **With other programs.** It is the same queue that msgget(2) opens in C, and `sysv_ipc` in Python.
/// - **Waiting.** These queues have no descriptor, so a task that must wait has a thread of this library meanwhile, which
///   the kernel wakes: nothing is polled. Up to ``QueueWaits/maximumCount`` can wait in a process. A cancellation or a
///   deadline ends the thread's call by a signal (``QueueWaits``); if the call had taken a message by then, the message is
///   returned, and the task learns of its cancellation at its next wait. So whatever the instant, a message is either
///   returned or in the queue.
/// - **Fairness.** The kernel serves those who wait in line; who comes anew may be faster than they.
/// - **Peers.** Nobody is told who else uses it; ``statistics`` says who did last. `finish` and ``close()`` concern this
///   object.
public final class SystemVMessageQueue: MessageQueue {
    /// A message with its type.
    public typealias Inbound = QueueMessage<[UInt8]>
    /// A message with its type.
    public typealias Outbound = QueueMessage<[UInt8]>

    /// The key by which others find it; nil for one without.
    public let key: SystemVQueueKey?
    /// The number of the queue, the same in all processes of this IPC namespace.
    public let identifier: Int32
    /// Whether it was made by this object.
    public let wasCreated: Bool
    /// The largest message in bytes that this object sends and receives.
    public let maximumMessageSize: Int
    /// What happens with larger ones.
    public let oversizedMessages: SystemVQueueOptions.OversizedMessages

    let calls = OpenCalls()
    let buffers: QueueBuffers
    let spinning = Lock(SpinPolicy())

    /// Opens or makes the queue of a key. msgget(2).
    ///
    /// - Throws: `.alreadyExists`, `.notFound`, `.permissionDenied` (the system, a foreign owner); `.resourceExhausted` at
    ///   one of the ``SystemVQueueLimits``: the message says which, and how to raise it; `.invalidArgument`.
    public convenience init(
        _ key: SystemVQueueKey, _ intent: CreationIntent = .openOrCreate,
        options: SystemVQueueOptions = SystemVQueueOptions()
    ) throws(IPCError) {
        let founded = try SystemVQueueFounding(key: key, options).found(intent)
        self.init(key: key, founded.identifier, wasCreated: founded.wasCreated, options)
    }

    /// Uses the queue of this number. - Throws: `.notFound`, `.permissionDenied`.
    public convenience init(
        identifier: Int32, options: SystemVQueueOptions = SystemVQueueOptions()
    ) throws(IPCError) {
        let found = try SystemVQueueFounding.look(identifier, options)
        self.init(
            key: found.key == 0 ? nil : SystemVQueueKey(checked: found.key), identifier, wasCreated: false, options)
    }

    /// Makes a queue that only its number leads to (``identifier``, ``init(identifier:options:)``): for a family of
    /// processes. IPC_PRIVATE. Whoever makes it removes it.
    ///
    /// - Throws: as ``init(_:_:options:)``.
    public static func makePrivate(
        options: SystemVQueueOptions = SystemVQueueOptions()
    ) throws(IPCError) -> SystemVMessageQueue {
        let founded = try SystemVQueueFounding(key: nil, options).found(.create)
        return SystemVMessageQueue(key: nil, founded.identifier, wasCreated: true, options)
    }

    private init(key: SystemVQueueKey?, _ identifier: Int32, wasCreated: Bool, _ options: SystemVQueueOptions) {
        (self.key, self.identifier, self.wasCreated) = (key, identifier, wasCreated)
        maximumMessageSize = options.maximumMessageSize ?? SystemVQueueLimits.current.messageSize
        oversizedMessages = options.oversizedMessages
        // One byte more than the largest message tells a cut one from one that just fits.
        buffers = QueueBuffers(byteCount: SystemVQueueCalls.headerSize + maximumMessageSize + 1)
    }

    deinit { close() }

    /// A queue that keeps the order of each sender within a type, and loses nothing unless it was told to cut messages.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(
            topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false,
            maximumMessageSize: maximumMessageSize)
    }

    /// Ends sending through this object; what is being sent goes on. The queue and everybody else's objects stay.
    ///
    /// - Throws: `.closed`.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try calls.checkOpen("finish")
        calls.finish()
    }

    /// Lets go of the queue, which stays. Idempotent, never waits; whoever waits on this object gets `.closed`.
    public func close() { calls.close() }

    /// What errors call it.
    var object: String { key.map { "key \($0)" } ?? "queue \(identifier)" }
}
