public import IPCCore

/// How a ``DatagramChannel`` is set up.
public struct DatagramOptions: Sendable, Hashable {
    /// The largest message in bytes, in and out; nil for as much as there can be: 65,507 over UDP, 131,072 over Unix
    /// sockets or what the send buffer has room for.
    public var maximumMessageSize: Int?
    /// Bytes that the kernel holds on the sending side, nil for its own choice. SO_SNDBUF, socket(7).
    public var sendBufferSize: Int?
    /// Bytes that the kernel holds on the receiving side, nil for its own choice: what comes when it is full is lost over
    /// UDP, and waits over Unix sockets. SO_RCVBUF, socket(7).
    public var receiveBufferSize: Int?
    /// Whether messages may go to a broadcast address. SO_BROADCAST, ip(7).
    public var allowsBroadcast: Bool
    /// Whether other sockets of the same user may have the same UDP port; each message goes to one of them. SO_REUSEPORT.
    public var sharesPort: Bool
    /// The permissions of the file of a Unix address: this user alone unless said otherwise.
    public var permissions: AccessPermissions

    /// The usual options.
    public init(
        maximumMessageSize: Int? = nil, sendBufferSize: Int? = nil, receiveBufferSize: Int? = nil,
        allowsBroadcast: Bool = false, sharesPort: Bool = false, permissions: AccessPermissions = .ownerOnly
    ) {
        self.maximumMessageSize = maximumMessageSize
        self.sendBufferSize = sendBufferSize
        self.receiveBufferSize = receiveBufferSize
        self.allowsBroadcast = allowsBroadcast
        self.sharesPort = sharesPort
        self.permissions = permissions
    }

    func check() throws(IPCError) {
        guard maximumMessageSize ?? 1 > 0 else {
            throw IPCError(.invalidArgument, "datagram options: maximumMessageSize must be positive")
        }
        guard sendBufferSize ?? 1 > 0, receiveBufferSize ?? 1 > 0 else {
            throw IPCError(.invalidArgument, "datagram options: buffer sizes must be positive")
        }
    }
}
