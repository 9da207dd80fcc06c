public import IPCCore

/// How a ``SocketListener`` listens, whom it lets in, and how many.
public struct SocketListenerOptions: Sendable {
    /// The permissions of the socket's file, whatever the umask says. 0600, the usual: this user alone. To connect one
    /// needs the right to write. unix(7).
    public var permissions: AccessPermissions
    /// Who may connect, asked before a byte is read. Unless said otherwise: over Unix sockets the same user and root, over
    /// TCP everybody who can reach the address (``SocketAuthorization/usual``).
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

    /// How long a client has, from when it is accepted, until its first whole message is there, or its first byte with
    /// ``SocketFraming/bytes``. One that is silent, or sends a byte a second, is hung up on: `receive` throws
    /// `.handshakeFailed`, and the observer is told of a connection that was refused. 10 seconds unless said otherwise.
    ///
    /// It is over with the first message either way: a server that speaks first has let its client in. It does not run out
    /// while bytes wait that the server has not read. nil for servers whose clients may connect long before they say
    /// something; then give the first `receive` a deadline. What takes connections over, such as a ring, has its own rules.
    public var handshakeDeadline: Duration?

    /// Whether other sockets of the same user may listen at the same TCP port, each with its share of the connections. All
    /// of them must say so. SO_REUSEPORT, socket(7).
    public var sharesPort: Bool
    /// What connections carry: a stream, or packets, which Unix sockets alone do.
    public var type: SocketType

    /// Options with the usual limits.
    public init(
        permissions: AccessPermissions = .ownerOnly,
        authorization: SocketAuthorization = .usual,
        maximumConnections: Int = 512,
        backlog: Int = 256,
        takesDescriptors: Bool = false,
        gracePeriod: Duration = .seconds(5),
        handshakeDeadline: Duration? = .seconds(10),
        sharesPort: Bool = false,
        type: SocketType = .stream
    ) {
        self.sharesPort = sharesPort
        self.type = type
        self.permissions = permissions
        self.authorization = authorization
        self.maximumConnections = maximumConnections
        self.backlog = backlog
        self.takesDescriptors = takesDescriptors
        self.gracePeriod = gracePeriod
        self.handshakeDeadline = handshakeDeadline
    }

    /// Refuses what cannot be at an address.
    func check(_ address: SocketAddress) throws(IPCError) {
        try check()
        try address.checkStream("listen")
        if type == .packets { try address.checkUnix("listen for packets") }
        guard !sharesPort || address.port != nil else {
            throw IPCError(
                .invalidArgument, "listener options: only TCP ports can be shared", object: address.description)
        }
        guard !takesDescriptors || address.isUnix else {
            throw IPCError(
                .invalidArgument, "listener options: descriptors travel over Unix sockets alone",
                object: address.description)
        }
    }

    /// Refuses what cannot be.
    func check() throws(IPCError) {
        guard maximumConnections > 0, backlog > 0 else {
            throw IPCError(.invalidArgument, "listener options: maximumConnections and backlog must be positive")
        }
        guard handshakeDeadline ?? .seconds(1) > .zero else {
            throw IPCError(.invalidArgument, "listener options: handshakeDeadline must be positive")
        }
    }
}
