import IPCCore

/// How a socket carries messages, and how large its buffers are.
public struct SocketOptions: Sendable, Hashable {
    /// The largest message in bytes, 16 MiB unless said otherwise.
    public var maximumMessageSize: Int
    /// The most descriptors that one message may bring, at most 253; 0, the usual, refuses them all.
    public var maximumDescriptors: Int
    /// Bytes that the kernel holds on the sending side, nil for its own choice. SO_SNDBUF, socket(7).
    public var sendBufferSize: Int?
    /// Bytes that the kernel holds on the receiving side, nil for its own choice. SO_RCVBUF, socket(7).
    public var receiveBufferSize: Int?

    /// Options with the usual limits.
    public init(
        maximumMessageSize: Int = 16 << 20,
        maximumDescriptors: Int = 0,
        sendBufferSize: Int? = nil,
        receiveBufferSize: Int? = nil
    ) {
        self.maximumMessageSize = maximumMessageSize
        self.maximumDescriptors = maximumDescriptors
        self.sendBufferSize = sendBufferSize
        self.receiveBufferSize = receiveBufferSize
    }

    package var stream: StreamOptions {
        StreamOptions(
            framing: .frames, maximumMessageSize: maximumMessageSize, maximumDescriptors: maximumDescriptors)
    }
}
