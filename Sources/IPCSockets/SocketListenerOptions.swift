public import IPCCore

/// How a ``SocketListener`` listens, whom it lets in, and how many.
public struct SocketListenerOptions: Sendable {
    /// The permissions of the socket's file, whatever the umask says. 0600, the usual: this user alone. To connect one
    /// needs the right to write. unix(7).
    public var permissions: AccessPermissions
    /// Who may connect: the same user and root unless said otherwise. Asked before a byte is read.
    public var authorization: SocketAuthorization
    /// The most connections that are open at once, 512 unless said otherwise. At the limit the listener stops accepting
    /// until one is closed; those who connect meanwhile wait in the kernel's queue.
    public var maximumConnections: Int
    /// How many connections wait in the kernel's queue, at most /proc/sys/net/core/somaxconn. listen(2).
    public var backlog: Int
    /// Whether peers may send descriptors. Where they may not, the kernel refuses them from the first byte on
    /// (SO_PASSRIGHTS, Linux 6.16) or they are dropped.
    public var takesDescriptors: Bool
    /// How long the end of ``SocketListener/withListener(at:_:_:)`` waits for open connections.
    public var gracePeriod: Duration
    /// Is told what the listener does beside accepting. Called by the task that accepts, so it must not take long.
    public var observer: (@Sendable (SocketListenerEvent) -> Void)?

    /// Options with the usual limits.
    public init(
        permissions: AccessPermissions = .ownerOnly,
        authorization: SocketAuthorization = .sameUserOrRoot,
        maximumConnections: Int = 512,
        backlog: Int = 256,
        takesDescriptors: Bool = false,
        gracePeriod: Duration = .seconds(5),
        observer: (@Sendable (SocketListenerEvent) -> Void)? = nil
    ) {
        self.permissions = permissions
        self.authorization = authorization
        self.maximumConnections = maximumConnections
        self.backlog = backlog
        self.takesDescriptors = takesDescriptors
        self.gracePeriod = gracePeriod
        self.observer = observer
    }

    /// Refuses what cannot be.
    func check() throws(IPCError) {
        guard maximumConnections > 0, backlog > 0 else {
            throw IPCError(.invalidArgument, "listener options: maximumConnections and backlog must be positive")
        }
    }
}

/// What a listener does beside accepting. More cases may come: a `switch` needs a `default`.
@nonexhaustive
public enum SocketListenerEvent: Sendable {
    /// A connection was accepted.
    case accepted(PeerCredentials)
    /// The authorisation refused a peer, whose connection was closed without reading from it.
    case refused(PeerCredentials)
    /// As many connections are open as may be: accepting waits until one is closed.
    case limitReached(Int)
    /// No connection could be accepted for want of descriptors or memory; the listener waits a little and tries again.
    case acceptFailed(IPCError)
}
