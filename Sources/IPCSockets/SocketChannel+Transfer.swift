public import IPCCore
import IPCSystem

/// Two descriptors of the one socket, for receiving and for sending; as state one byte with the length of the sender's,
/// that, and the receiver's.
extension SocketChannel: DescriptorTransferable {
    /// Gives the channel away, with what it has read and not delivered. It is closed here; the peer does not notice.
    ///
    /// - Throws: `.closed`; `.finished`; `.invalidArgument` while another task sends or receives, or the rest of a message
    ///   is on its way; `.resourceExhausted`; what broke the connection.
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
            descriptors: incoming.descriptors + outgoing.descriptors,
            state: [UInt8(outgoing.state.count)] + outgoing.state + incoming.state)
    }

    /// The channel on the other side.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no channel over a stream socket.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SocketChannel {
        let (descriptors, state) = (transferred.descriptors, transferred.state)
        guard descriptors.count == 2, let length = state.first.map(Int.init), state.count > length else {
            throw IPCError(.decodingFailed, "receive a socket channel: this is not the state of one")
        }
        let outgoing = Array(state.dropFirst().prefix(length))
        let sender = try StreamSender.restore([descriptors[1]], outgoing, kind: .socket)
        let receiver = try StreamReceiver.restore([descriptors[0]], Array(state.dropFirst(1 + length)), kind: .socket)
        let peer = try mapping("receive a socket channel") { () throws(SystemCallError) in
            PeerCredentials(try SocketCalls.peerCredentials(receiver.stream.number))
        }
        return SocketChannel(receiver: receiver, sender: sender, peer: peer)
    }
}
