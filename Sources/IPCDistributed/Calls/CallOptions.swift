public import IPCSockets

/// How a connection carries calls.
public struct CallOptions: Sendable {
    /// How many requests of the peer are served at once, 1 to 65,536. The peer is told, and its callers wait for room.
    public var requestLimit: Int
    /// What the two sides speak, with its version, as in `"store/2"`. A peer that says another one is refused when it says
    /// hello: both get `.handshakeFailed` or `.peerClosed`, and no call is made. Empty, the default, for no such check.
    public var interface: String
    /// How long ``CallConnection/finish(until:)`` and ``serveCalls(on:options:socket:_:)`` give handlers that run when a server
    /// stops; then their tasks are cancelled.
    public var gracePeriod: Duration
    /// How long whoever connects to a server of this module may take to say hello.
    public var greetingTimeout: Duration

    /// How a network that has fallen silent is noticed, over TCP: its connections end within a minute, unless said otherwise. What
    /// the channel's own `SocketOptions.keepAlive` says goes before it; nil, and nobody looks. Nothing for other channels, whose
    /// kernel knows of every death.
    public var keepAlive: SocketKeepAlive?

    /// Options; change what differs.
    public init(
        requestLimit: Int = 64, interface: String = "", gracePeriod: Duration = .seconds(10),
        greetingTimeout: Duration = .seconds(30), keepAlive: SocketKeepAlive? = SocketKeepAlive()
    ) {
        self.keepAlive = keepAlive
        self.greetingTimeout = greetingTimeout
        self.requestLimit = requestLimit
        self.interface = interface
        self.gracePeriod = gracePeriod
    }

    func check() throws(IPCError) {
        guard (1...65_536).contains(requestLimit) else {
            throw IPCError(.invalidArgument, "a limit of \(requestLimit) requests; 1 to 65,536 are possible")
        }
        guard interface.utf8.count <= CallPayload.maximumNameSize else {
            throw IPCError(
                .invalidArgument, "the name of an interface has \(interface.utf8.count) bytes; 1,024 at most")
        }
    }
}
