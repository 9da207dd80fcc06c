package import IPCCore

/// How messages lie on a stream socket.
public enum SocketFraming: Sendable, Hashable {
    /// None: bytes as they are, for talking to any program. What is received is what has arrived, not what was sent;
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
    /// Bytes that the kernel holds on the receiving side, nil for its own choice. SO_RCVBUF, socket(7).
    public var receiveBufferSize: Int?

    /// Options with the usual limits.
    public init(
        framing: SocketFraming = .messages,
        maximumMessageSize: Int = 16 << 20,
        maximumDescriptors: Int = 0,
        sendBufferSize: Int? = nil,
        receiveBufferSize: Int? = nil
    ) {
        self.framing = framing
        self.maximumMessageSize = maximumMessageSize
        self.maximumDescriptors = maximumDescriptors
        self.sendBufferSize = sendBufferSize
        self.receiveBufferSize = receiveBufferSize
    }

    package var stream: StreamOptions {
        StreamOptions(
            framing: framing == .bytes ? .none : .frames, maximumMessageSize: maximumMessageSize,
            maximumDescriptors: maximumDescriptors)
    }

    /// Refuses what cannot be.
    func check() throws(IPCError) {
        guard maximumMessageSize > 0 else {
            throw IPCError(.invalidArgument, "socket options: maximumMessageSize must be positive")
        }
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
