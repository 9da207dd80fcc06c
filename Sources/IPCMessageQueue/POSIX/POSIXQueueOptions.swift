public import IPCCore

/// What a process does with a queue that it opens. Its permissions must allow it.
public enum QueueAccess: Sendable, Hashable {
    /// Sends and receives.
    case sendAndReceive
    /// Sends alone.
    case send
    /// Receives alone.
    case receive

    var sends: Bool { self != .receive }
    var receives: Bool { self != .send }

    var direction: ChannelGuarantees.Direction {
        switch self {
        case .sendAndReceive: .both
        case .send: .sends
        case .receive: .receives
        }
    }
}

/// How a ``POSIXMessageQueue`` is made, and what is asked of one that is there.
public struct POSIXQueueOptions: Sendable, Hashable {
    /// How many messages the queue holds; nil: fs.mqueue.msg_default (10) for one that is made, any number for one that is
    /// there. Above fs.mqueue.msg_max (10) it takes CAP_SYS_RESOURCE, and above 65,536 it is impossible.
    public var capacity: Int?
    /// The largest message in bytes; nil: fs.mqueue.msgsize_default (8192), or whatever is there. Above
    /// fs.mqueue.msgsize_max (8192) it takes CAP_SYS_RESOURCE, and above 16 MiB it is impossible.
    public var maximumMessageSize: Int?
    /// Of a queue that is made here, exactly so, whatever the umask.
    public var permissions: AccessPermissions
    /// Whose queue is used when there is one.
    public var owner: TrustedOwner
    /// What this process does with it.
    public var access: QueueAccess

    /// Options; the defaults are a queue of the system's usual size, for this user alone.
    public init(
        capacity: Int? = nil, maximumMessageSize: Int? = nil, permissions: AccessPermissions = .ownerOnly,
        owner: TrustedOwner = .thisUserOrRoot, access: QueueAccess = .sendAndReceive
    ) {
        self.capacity = capacity
        self.maximumMessageSize = maximumMessageSize
        self.permissions = permissions
        self.owner = owner
        self.access = access
    }
}
