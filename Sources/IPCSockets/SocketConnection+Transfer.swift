public import IPCCore

/// One descriptor and no state: for a connection on which nothing has been read or written.
extension SocketConnection: DescriptorTransferable {
    /// Gives the connection away. It is closed here, which the peer does not notice.
    ///
    /// - Throws: `.closed`; `.invalidArgument` when bytes have been read or written, or it is a channel: give that away;
    ///   `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        TransferredDescriptors(descriptors: [try give()])
    }

    /// The connection on the other side.
    ///
    /// - Throws: `.decodingFailed` when this is more or less than one descriptor; `.invalidArgument` when it was taken before, is no
    ///   socket, listens, is not connected or carries datagrams.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> SocketConnection {
        guard transferred.descriptors.count == 1, transferred.state.isEmpty else {
            throw IPCError(.decodingFailed, "receive a connection: it is one descriptor and no state")
        }
        let (stream, peer) = try SocketChannel.adopt(transferred.descriptors[0])
        return SocketConnection(stream, peer: peer)
    }
}
