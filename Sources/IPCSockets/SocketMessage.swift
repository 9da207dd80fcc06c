public import IPCCore

/// A message with descriptors: what a ``DescriptorChannel`` sends and receives.
public struct SocketMessage<Payload: Sendable>: Sendable {
    /// What the message says.
    public var payload: Payload
    /// The descriptors that go with it, at most 253. On the way out they are taken (``PassedDescriptor/take()``) once the
    /// message is sent; on the way in they are the receiver's, and closed unless it takes them.
    public var descriptors: [PassedDescriptor]

    /// A message of this payload and these descriptors.
    public init(payload: Payload, descriptors: [PassedDescriptor] = []) {
        self.payload = payload
        self.descriptors = descriptors
    }
}

extension SocketMessage where Payload == [UInt8] {
    /// An endpoint, a listener or another object on its way: made by ``DescriptorTransferable/transfer()``, and received
    /// with `TransferredDescriptors(message)`.
    public init(_ transferred: TransferredDescriptors) {
        self.init(payload: transferred.state, descriptors: transferred.descriptors)
    }
}

extension TransferredDescriptors {
    /// The object that a message carries.
    public init(_ message: SocketMessage<[UInt8]>) {
        self.init(descriptors: message.descriptors, state: message.payload)
    }
}
