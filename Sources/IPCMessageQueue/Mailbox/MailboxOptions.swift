public import IPCSharedMemory

/// Who gets a message of a ``Mailbox``.
public enum MailboxDelivery: UInt32, Sendable, Hashable, CaseIterable {
    /// One of the receivers, whoever asks first: they share the work.
    case workSharing = 1
    /// All who receive at the time, and those who come later as far as it is kept: a mailslot for many senders.
    case broadcast = 2
}

/// What `send` does when a ``Mailbox`` has no room. `trySend` says false then, except with ``dropOldest``.
public enum MailboxOverflow: UInt32, Sendable, Hashable, CaseIterable {
    /// It waits. In a broadcast the slowest living receiver holds the senders back; without a receiver nobody does, and the
    /// oldest messages go.
    case suspend = 1
    /// It throws `.resourceExhausted`. In a broadcast the slowest living receiver is what makes it full.
    case fail = 2
    /// It returns, and the message is dropped and counted (``Mailbox/droppedCount``). Full is what it is for ``fail``.
    case dropNewest = 3
    /// The oldest messages go and are counted: of work to share those of the lowest priority first, but never what somebody
    /// has under a lease; of a broadcast those that somebody has yet to receive, who is told (``Mailbox/missedCount``).
    case dropOldest = 4
}

/// What a receiver of a broadcast sees of what was sent before it joined. See ``Mailbox/join(from:until:)``.
public enum MailboxStart: Sendable, Hashable {
    /// Nothing.
    case onlyNew
    /// All that is still there.
    case everythingKept
    /// The last so many messages, or as many as are still there.
    case last(Int)
}

/// How a ``Mailbox`` is made. One that is found and was made with others is refused, unless it is just opened (`.open`): then what
/// was given when it was made holds.
public struct MailboxOptions: Sendable, Hashable {
    /// Who gets a message.
    public var delivery: MailboxDelivery
    /// What happens when it is full.
    public var whenFull: MailboxOverflow
    /// How much it holds; a broadcast is bounded, and nothing is a rendezvous.
    public var capacity: SharedQueueCapacity
    /// The largest message in bytes.
    public var maximumMessageSize: Int
    /// How often a message of shared work is given out before it is put among the dead letters instead; nil: without end.
    public var maximumDeliveries: Int?
    /// How many processes can use it at the same time, at most 960.
    public var maximumProcesses: Int
    /// How many objects can receive a broadcast at the same time, in all processes, at most 4,096.
    public var maximumReceivers: Int
    /// Permissions, owner and pages, as for any region. A mailbox is there for those who come later, so that by default
    /// `SharedMemory.sweep` leaves it alone when no process has it open.
    public var memory: SharedMemoryOptions

    /// Shared work, `send` waits when it is full, 1,024 messages of up to 8 KiB in at most 4 MiB, five deliveries, 64
    /// processes, 64 receivers of a broadcast; change what differs.
    public init(
        delivery: MailboxDelivery = .workSharing, whenFull: MailboxOverflow = .suspend,
        capacity: SharedQueueCapacity = .bounded(messages: 1024, byteCount: 4 << 20), maximumMessageSize: Int = 8192,
        maximumDeliveries: Int? = 5, maximumProcesses: Int = 64, maximumReceivers: Int = 64,
        memory: SharedMemoryOptions = SharedMemoryOptions(isKeptWhenUnused: true)
    ) {
        self.delivery = delivery
        self.whenFull = whenFull
        self.capacity = capacity
        self.maximumMessageSize = maximumMessageSize
        self.maximumDeliveries = maximumDeliveries
        self.maximumProcesses = maximumProcesses
        self.maximumReceivers = maximumReceivers
        self.memory = memory
    }
}
