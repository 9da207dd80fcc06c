import IPCCore

/// How messages lie on a stream socket.
public enum SocketFraming: Sendable, Hashable {
    /// None: bytes as they are, or packets as they are, for talking to any program. What is received is what has arrived, not what was sent;
    /// `finish` is a half-close, and an end cannot be told from a death. Descriptors that a peer sends along never come
    /// into this process: the kernel refuses to send them (SO_PASSRIGHTS, Linux 6.16), and closes those that were sent
    /// before, or by an older kernel, as their bytes are read. The bytes are delivered all the same.
    case bytes
    /// Messages of any size up to the limit (`Documentation/WireFormat.md`).
    case messages
}

/// How a socket carries messages, and how large its buffers are.
public struct SocketOptions: Sendable, Hashable {
    /// How messages lie on the stream. Both ends must agree.
    public var framing: SocketFraming
    /// The largest message in bytes, 16 MiB unless said otherwise.
    public var maximumMessageSize: Int
    /// The most descriptors that one message may bring, at most 253; 0, the usual, refuses them all. Descriptors need
    /// ``SocketFraming/messages``.
    public var maximumDescriptors: Int
    /// Bytes that the kernel holds on the sending side, nil for its own choice. SO_SNDBUF, socket(7).
    public var sendBufferSize: Int?
    /// Bytes that the kernel holds on the receiving side, nil for its own choice. Over TCP it is set once the connection is
    /// there: the window that the two machines agreed on when it was made may keep a larger buffer from being used, so what
    /// needs one is better served by the kernel's own choice, which grows. SO_RCVBUF, socket(7), tcp(7).
    public var receiveBufferSize: Int?

    /// Whether TCP sends each message at once instead of waiting for more to send along: yes, unless said otherwise.
    /// Nothing for Unix sockets. TCP_NODELAY, tcp(7).
    public var noDelay: Bool
    /// How the network finds out that a peer has gone without a word, where nothing is sent; nil, the usual: it does not.
    /// Nothing for Unix sockets, whose kernel knows.
    public var keepAlive: SocketKeepAlive?
    /// Whether `close` throws away what TCP has not delivered yet and tells the peer at once (RST), instead of delivering
    /// it first. Nothing for Unix sockets. SO_LINGER with 0, socket(7).
    ///
    /// There is no time to linger: close(2) would block the thread for it. To know that the peer has everything, `finish`
    /// and wait until it finishes, too.
    public var resetsOnClose: Bool

    /// What the socket is to carry, for `connect` and `makePair`: a stream unless said otherwise. A connection that exists
    /// already is what it is.
    public var type: SocketType

    /// The most bytes that one packet holds, 131,072; larger messages need a stream. What ``maximumMessageSize`` says counts
    /// if it is less, and so does what ``sendBufferSize`` leaves room for.
    public static let maximumPacketSize = 131_072

    /// Options with the usual limits.
    public init(
        type: SocketType = .stream,
        framing: SocketFraming = .messages,
        maximumMessageSize: Int = 16 << 20,
        maximumDescriptors: Int = 0,
        sendBufferSize: Int? = nil,
        receiveBufferSize: Int? = nil,
        noDelay: Bool = true,
        keepAlive: SocketKeepAlive? = nil,
        resetsOnClose: Bool = false
    ) {
        self.type = type
        self.noDelay = noDelay
        self.keepAlive = keepAlive
        self.resetsOnClose = resetsOnClose
        self.framing = framing
        self.maximumMessageSize = maximumMessageSize
        self.maximumDescriptors = maximumDescriptors
        self.sendBufferSize = sendBufferSize
        self.receiveBufferSize = receiveBufferSize
    }

    /// Refuses what cannot be.
    func check() throws(IPCError) {
        guard maximumMessageSize > 0 else {
            throw IPCError(.invalidArgument, "socket options: maximumMessageSize must be positive")
        }
        guard sendBufferSize ?? 1 > 0, receiveBufferSize ?? 1 > 0 else {
            throw IPCError(.invalidArgument, "socket options: buffer sizes must be positive")
        }
        try keepAlive?.check()
        guard (0...PassedDescriptor.maximumPerMessage).contains(maximumDescriptors) else {
            throw IPCError(
                .invalidArgument,
                "socket options: maximumDescriptors is from 0 to \(PassedDescriptor.maximumPerMessage), not "
                    + "\(maximumDescriptors)")
        }
        guard maximumDescriptors == 0 || framing == .messages else {
            throw IPCError(.invalidArgument, "socket options: descriptors travel with messages, not with bare bytes")
        }
    }
}
