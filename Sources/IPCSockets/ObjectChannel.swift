public import IPCCore

/// A ``SocketChannel`` whose messages are objects that go to the other process: channel endpoints, listeners, regions of
/// shared memory, pipe ends. Made by ``SocketChannel/objects(of:)``.
///
/// ```swift
/// let (here, there) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 1))
/// let (mine, theirs) = try SocketChannel.makePair()
/// try await here.objects(of: SocketChannel.self).send(theirs)
/// let arrived = try await there.objects(of: SocketChannel.self).receive()
/// ```
///
/// ``SocketOptions/maximumDescriptors`` must be what such an object has, on the side that receives.
///
/// - **Sending** gives the object away: it is closed here, even when `send` throws, and then nobody has it.
/// - **Receiving** checks what comes. A message that is no such object throws `.decodingFailed` or `.invalidArgument`; its
///   descriptors are closed, and the channel goes on.
public struct ObjectChannel<Object: DescriptorTransferable>: ReceiveChannel {
    /// An object that has come.
    public typealias Inbound = Object
    private let channel: DescriptorChannel

    init(_ channel: DescriptorChannel) {
        self.channel = channel
    }

    /// The same as the channel's.
    public var guarantees: ChannelGuarantees { channel.guarantees }

    /// Gives an object away; waits while the peer does not read. There is no form that only tries: whether there is room
    /// shows when the object has been given away. See ``DescriptorChannel/send(_:until:)``.
    public func send(_ object: Object, until deadline: Deadline = .never) async throws(IPCError) {
        try await channel.send(SocketMessage(try object.transfer()), until: deadline)
    }

    /// Waits for an object; nil when the peer has finished.
    public func receive(until deadline: Deadline) async throws(IPCError) -> Object? {
        guard let message = try await channel.receive(until: deadline) else { return nil }
        return try Object.receive(TransferredDescriptors(message))
    }

    /// The next object if one is there.
    public func tryReceive() throws(IPCError) -> Received<Object> {
        switch try channel.tryReceive() {
        case .message(let message): .message(try Object.receive(TransferredDescriptors(message)))
        case .empty: .empty
        case .finished: .finished
        }
    }

    /// Ends the sending direction of the connection.
    public func finish(until deadline: Deadline = .never) async throws(IPCError) {
        try await channel.finish(until: deadline)
    }

    /// Closes the connection.
    public func close() { channel.close() }
}

extension SocketChannel {
    /// This channel with objects of one type as messages. All views share the connection, and each message goes to one
    /// receiver.
    public func objects<Object: DescriptorTransferable>(of type: Object.Type = Object.self) -> ObjectChannel<Object> {
        ObjectChannel(descriptorMessages)
    }
}
