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
    /// How long the end of ``SocketListener/withListener(at:options:_:)`` waits for open connections.
    public var gracePeriod: Duration

    /// Options with the usual limits.
    public init(
        permissions: AccessPermissions = .ownerOnly,
        authorization: SocketAuthorization = .sameUserOrRoot,
        maximumConnections: Int = 512,
        backlog: Int = 256,
        takesDescriptors: Bool = false,
        gracePeriod: Duration = .seconds(5)
    ) {
        self.permissions = permissions
        self.authorization = authorization
        self.maximumConnections = maximumConnections
        self.backlog = backlog
        self.takesDescriptors = takesDescriptors
        self.gracePeriod = gracePeriod
    }

    /// Refuses what cannot be.
    func check() throws(IPCError) {
        guard maximumConnections > 0, backlog > 0 else {
            throw IPCError(.invalidArgument, "listener options: maximumConnections and backlog must be positive")
        }
    }
}
