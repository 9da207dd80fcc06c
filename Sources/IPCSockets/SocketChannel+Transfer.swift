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

    /// The channel on the other side.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no channel over a socket.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SocketChannel {
        let state = transferred.state
        guard transferred.descriptors.count == 1, let length = state.first.map(Int.init), state.count > length else {
            throw IPCError(.decodingFailed, "receive a socket channel: this is not the state of one")
        }
        let (stream, peer) = try adopt(transferred.descriptors[0])
        let receiver: StreamReceiver
        do throws(IPCError) {
            receiver = try StreamReceiver.restore(stream, Array(state.dropFirst(1 + length)))
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
        do throws(IPCError) {
            let sender = try StreamSender.restore(stream, Array(state.dropFirst().prefix(length)))
            return SocketChannel(receiver: receiver, sender: sender, peer: peer)
        } catch {
            receiver.close()
            stream.endUse()
            throw error
        }
    }

    /// Takes over a stream socket that another process gave away, for two uses.
    static func adopt(
        _ descriptor: PassedDescriptor
    ) throws(IPCError) -> (stream: StreamDescriptor, peer: PeerCredentials) {
        let socket = try descriptor.takeOpen(reads: true)
        let number = socket.number
        let (peer, kind) = try mapping("receive a socket", object: "descriptor \(number)") {
            () throws(SystemCallError) in
            (PeerCredentials(try SocketCalls.peerCredentials(number)), try StreamDescriptor.Kind(of: number))
        }
        return (try StreamDescriptor(socket, kind: kind, uses: 2, shortReadMeansEmpty: false), peer)
    }
}
