public import IPCCore
import IPCSystem

/// One descriptor; as state one byte with the length of the sender's, that, and the receiver's, in which is what was read
/// and not delivered.
extension SocketChannel: DescriptorTransferable {
    /// Gives the channel away, with what it has read and not delivered. It is closed here, which the peer does not notice.
    ///
    /// - Throws: `.closed`; `.finished`; `.invalidArgument` while another task sends or receives, the rest of a message is
    ///   on its way, or descriptors have come that nobody received; `.resourceExhausted`; what broke the connection.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        let incoming = try receiver.beginTransfer()
        let outgoing: TransferredDescriptors
        do throws(IPCError) {
            outgoing = try sender.beginTransfer()
        } catch {
            receiver.abandonTransfer()
            throw error
        }
        receiver.completeTransfer()
        sender.completeTransfer()
        return TransferredDescriptors(
            descriptors: incoming.descriptors,
            state: [UInt8(outgoing.state.count)] + outgoing.state + incoming.state)
    }

    /// The channel on the other side, with limits of at most the usual ones: messages of 16 MiB, 253 descriptors. See
    /// ``receive(_:options:)``.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no channel over a socket.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SocketChannel {
        try receive(transferred, options: SocketOptions(maximumDescriptors: PassedDescriptor.maximumPerMessage))
    }

    /// The channel that this process's parent gave it, with the limits that it had.
    ///
    /// - Throws: as ``receive(_:)``.
    public static func inherit(_ transferred: TransferredDescriptors) throws(IPCError) -> SocketChannel {
        try receive(
            transferred,
            options: SocketOptions(
                maximumMessageSize: .max, maximumDescriptors: PassedDescriptor.maximumPerMessage))
    }

    /// The channel on the other side, with limits of this side's own: what a peer says of the channel that it gives away
    /// makes nobody here take more.
    ///
    /// ``SocketOptions/maximumMessageSize`` and ``SocketOptions/maximumDescriptors`` are the most that the channel gets; it
    /// keeps its own where they are less. Everything else of the channel is what it was.
    ///
    /// - Throws: `.decodingFailed` when this is not the state of a channel; `.invalidArgument` when a descriptor was taken
    ///   before, or the socket is none, listens, is not connected or carries datagrams.
    public static func receive(
        _ transferred: TransferredDescriptors, options: SocketOptions
    ) throws(IPCError) -> SocketChannel {
        try options.check()
        let state = transferred.state
        guard transferred.descriptors.count == 1, let length = state.first.map(Int.init), state.count > length else {
            throw IPCError(.decodingFailed, "receive a socket channel: this is not the state of one")
        }
        let (stream, peer) = try adopt(transferred.descriptors[0])
        let receiver: StreamReceiver
        let limits: (receiving: StreamOptions, sending: StreamOptions)
        do throws(IPCError) {
            limits = try options.limits(on: stream)
            if stream.kind != .networkSocket && options.maximumDescriptors == 0 {
                try mapping("receive a socket") { () throws(SystemCallError) in
                    _ = try SocketCalls.setPassesDescriptors(stream.number, false)
                }
            }
            receiver = try StreamReceiver.restore(
                stream, Array(state.dropFirst(1 + length)), within: limits.receiving)
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
        let sender: StreamSender
        do throws(IPCError) {
            sender = try StreamSender.restore(
                stream, Array(state.dropFirst().prefix(length)), within: limits.sending)
        } catch {
            receiver.close()
            stream.endUse()
            throw error
        }
        guard sender.options.framing == receiver.options.framing else {
            receiver.close()
            sender.close()
            throw IPCError(.decodingFailed, "receive a socket channel: its two directions do not belong together")
        }
        return SocketChannel(receiver: receiver, sender: sender, peer: peer)
    }

    /// Takes over a connected socket that another process gave away, for two uses.
    static func adopt(
        _ descriptor: PassedDescriptor
    ) throws(IPCError) -> (stream: StreamDescriptor, peer: PeerCredentials) {
        let socket = try descriptor.takeOpen(reads: true)
        let found = try ForeignSocket(socket.number, "receive a socket")
        return (try StreamDescriptor(socket, kind: found.kind, uses: 2, shortReadMeansEmpty: false), found.peer)
    }
}
