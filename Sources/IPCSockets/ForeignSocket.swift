import IPCCore
import IPCSystem

/// A connected socket that came from elsewhere, looked at before it is used: what its giver says of it is not believed.
struct ForeignSocket {
    let kind: StreamDescriptor.Kind
    let peer: PeerCredentials

    /// - Throws: `.invalidArgument` when `number` is no socket, listens, is not connected (any more, over TCP) or carries
    ///   neither a stream nor packets.
    init(_ number: Int32, _ doing: String) throws(IPCError) {
        let (isListening, type, family) = try mapping(foreign: number, doing) { () throws(SystemCallError) in
            (try SocketCalls.isListening(number), try NetworkCalls.kind(number), try NetworkCalls.family(number))
        }
        guard !isListening else {
            throw Self.refused(number, doing, "the socket listens; take a SocketListener")
        }
        switch (type, family) {
        case (.stream, .unix), (.packets, .unix), (.stream, .ipv4), (.stream, .ipv6), (.stream, .vsock): break
        case (.datagrams, _): throw Self.refused(number, doing, "the socket carries datagrams; take a DatagramChannel")
        default: throw Self.refused(number, doing, "the socket is of a kind that this library does not use")
        }
        (peer, kind) = try mapping(foreign: number, doing) { () throws(SystemCallError) in
            _ = try NetworkCalls.remoteAddress(number)
            return (PeerCredentials(try SocketCalls.peerCredentials(number)), try StreamDescriptor.Kind(of: number))
        }
    }

    static func refused(_ number: Int32, _ doing: String, _ reason: String) -> IPCError {
        IPCError(.invalidArgument, "\(doing): \(reason)", object: "descriptor \(number)")
    }
}

/// As `mapping`, for a descriptor that somebody else made: that it is no socket, or a socket that is not connected, is a wrong
/// argument and not the end of a connection.
func mapping<Result>(
    foreign number: Int32, _ doing: String, _ body: () throws(SystemCallError) -> Result
) throws(IPCError) -> Result {
    do throws(SystemCallError) {
        return try body()
    } catch {
        switch error.errno {
        case Errno.notSocket: throw ForeignSocket.refused(number, doing, "this is no socket")
        case Errno.notConnected: throw ForeignSocket.refused(number, doing, "the socket is not connected")
        default: throw IPCError(error, doing, object: "descriptor \(number)")
        }
    }
}
