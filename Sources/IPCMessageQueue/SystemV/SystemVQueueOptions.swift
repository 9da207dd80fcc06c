public import IPCCore

/// How a ``SystemVMessageQueue`` is made, and how this object receives from it.
public struct SystemVQueueOptions: Sendable, Hashable {
    /// What happens with a message that is larger than ``maximumMessageSize``, if another program sent one.
    public enum OversizedMessages: Sendable, Hashable {
        /// It stays in the queue, and `receive` throws `.messageTooLarge`. E2BIG.
        case refuse
        /// Its first bytes are received, the rest is gone, and ``QueueLabel/isTruncated`` says so. MSG_NOERROR.
        case truncate
    }

    /// Of a queue that is made here, exactly so.
    public var permissions: AccessPermissions
    /// How many bytes of messages the queue holds, msg_qbytes, of one that is made here; nil: kernel.msgmnb (16384). More
    /// than that takes CAP_SYS_RESOURCE. Opening a queue that is there asks for nothing.
    public var byteLimit: Int?
    /// The largest message in bytes that this object sends and receives; nil: kernel.msgmax (8192), as it is when the queue
    /// is opened.
    public var maximumMessageSize: Int?
    /// What happens with larger ones.
    public var oversizedMessages: OversizedMessages
    /// Whose queue is used when there is one.
    public var owner: TrustedOwner

    /// Options; the defaults are a queue of the system's usual size, for this user alone.
    public init(
        permissions: AccessPermissions = .ownerOnly, byteLimit: Int? = nil, maximumMessageSize: Int? = nil,
        oversizedMessages: OversizedMessages = .refuse, owner: TrustedOwner = .thisUserOrRoot
    ) {
        self.permissions = permissions
        self.byteLimit = byteLimit
        self.maximumMessageSize = maximumMessageSize
        self.oversizedMessages = oversizedMessages
        self.owner = owner
    }
}
