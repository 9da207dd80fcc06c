public import IPCCore

/// A ``SocketChannel`` seen as a channel of messages with descriptors. Made by ``SocketChannel/descriptorMessages``.
///
/// ```swift
/// let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 1))
/// let log = try PassedDescriptor(duplicating: 2)
/// try await near.descriptorMessages.send(SocketMessage(payload: [], descriptors: [log]))
/// let number = try await far.descriptorMessages.receive()?.descriptors.first?.take()
/// ```
///
/// - **Sending** gives the descriptors away when it returns: they are closed here, and the peer has its own. When it
///   throws, they are still the caller's. So `.timedOut` and `.cancelled` mean that nothing happened at all.
/// - **Receiving** needs ``SocketOptions/maximumDescriptors``; a message that brings more, or not as many as it says, ends
///   the connection with `.protocolViolation`, and all descriptors that came are closed.
/// - When descriptors are lost on the way because this process has no free number (MSG_CTRUNC), the messages before are
///   delivered and then the connection ends with `.descriptorsTruncated`.
/// - A message cannot be sent to a peer that takes no descriptors: `.permissionDenied` where the kernel knows (6.16),
///   else the peer ends the connection.
public struct DescriptorChannel: Channel {
    /// A message with the descriptors that came with it.
    public typealias Inbound = SocketMessage<[UInt8]>
    /// A message with the descriptors that go with it.
    public typealias Outbound = SocketMessage<[UInt8]>

    private let channel: SocketChannel

    init(_ channel: SocketChannel) {
        self.channel = channel
    }

    /// The same as the channel's.
    public var guarantees: ChannelGuarantees { channel.guarantees }

    /// Waits for a message and its descriptors. See ``ReceiveChannel/receive(until:)``.
    ///
    /// - Throws: also `.descriptorsTruncated` and `.protocolViolation`, see above.
    public func receive(until deadline: Deadline) async throws(IPCError) -> SocketMessage<[UInt8]>? {
        let receiver = channel.receiver
        guard try await receiver.begin(until: deadline) else { return nil }
        defer { receiver.end() }
        return SocketMessage(payload: receiver.messageCopy, descriptors: receiver.takeDescriptors())
    }

    /// The next message with its descriptors if one is there.
    public func tryReceive() throws(IPCError) -> Received<SocketMessage<[UInt8]>> {
        let receiver = channel.receiver
        guard let found = try receiver.tryBegin() else { return .empty }
        guard found else { return .finished }
        defer { receiver.end() }
        return .message(SocketMessage(payload: receiver.messageCopy, descriptors: receiver.takeDescriptors()))
    }

    /// Sends a message and gives its descriptors away. See ``SendChannel/send(_:until:)``.
    ///
    /// - Throws: also `.invalidArgument` when a descriptor was taken before or there are more than 253, and
    ///   `.permissionDenied` when the peer takes none.
    public func send(_ message: SocketMessage<[UInt8]>, until deadline: Deadline) async throws(IPCError) {
        let lent = try LentDescriptors(message.descriptors, channel.sender.options.framing)
        do throws(IPCError) {
            try await channel.sender.send(
                unsafe message.payload.span.bytes, descriptors: lent.numbers, until: deadline)
        } catch {
            lent.giveBack()
            throw lent.explain(error)
        }
        lent.close()
    }

    /// Sends a message and gives its descriptors away if there is room for it now.
    public func trySend(_ message: SocketMessage<[UInt8]>) throws(IPCError) -> Bool {
        let lent = try LentDescriptors(message.descriptors, channel.sender.options.framing)
        do throws(IPCError) {
            let isSent = try unsafe channel.sender.trySend(message.payload.span.bytes, descriptors: lent.numbers)
            if isSent { lent.close() } else { lent.giveBack() }
            return isSent
        } catch {
            lent.giveBack()
            throw lent.explain(error)
        }
    }

    /// Ends the sending direction of the connection. See ``SendChannel/finish(until:)``.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await channel.finish(until: deadline)
    }

    /// Closes the connection.
    public func close() { channel.close() }
}

extension SocketChannel {
    /// This channel with messages that carry descriptors. Both views share the connection, and each message goes to one
    /// receiver: a `receive` of the channel itself closes the descriptors that came with its message.
    public var descriptorMessages: DescriptorChannel { DescriptorChannel(self) }
}
