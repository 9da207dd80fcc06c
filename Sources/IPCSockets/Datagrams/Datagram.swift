/// A message with an address: what a ``DatagramChannel`` sends and receives.
public struct Datagram<Payload: Sendable>: Sendable {
    /// What the message says.
    public var payload: Payload
    /// On the way in: who sent it, `unix:(unnamed)` if a Unix socket without a name did. On the way out: to whom; nil for
    /// the address that the channel is connected to.
    public var address: SocketAddress?

    /// A message to or from `address`.
    public init(payload: Payload, address: SocketAddress? = nil) {
        self.payload = payload
        self.address = address
    }
}

extension Datagram: Equatable where Payload: Equatable {}
extension Datagram: Hashable where Payload: Hashable {}
