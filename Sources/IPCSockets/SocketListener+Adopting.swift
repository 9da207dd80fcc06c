public import IPCCore
import IPCSystem

extension SocketListener {
    /// Takes over a socket that somebody else bound and made listen: a service manager, or the program before this one.
    ///
    /// The name of a Unix socket stays when this listener ends: who made it removes it. ``SocketListenerOptions/permissions``,
    /// `backlog` and `sharesPort` are what they were.
    ///
    /// - Throws: `.invalidArgument` when it was taken, is no socket, does not listen, or carries datagrams.
    public convenience init(
        adopting descriptor: PassedDescriptor, options: SocketListenerOptions = SocketListenerOptions()
    ) throws(IPCError) {
        let socket = try descriptor.takeOpen(reads: true)
        let number = socket.number
        let facts = try mapping("adopt a listener", object: "descriptor \(number)") { () throws(SystemCallError) in
            (
                isListening: try SocketCalls.isListening(number), kind: try NetworkCalls.kind(number),
                family: try NetworkCalls.family(number), address: try NetworkCalls.localAddress(number)
            )
        }
        guard facts.isListening, facts.kind == .stream || facts.kind == .packets else {
            throw IPCError(
                .invalidArgument, "adopt a listener: the socket does not listen for connections",
                object: "descriptor \(number)")
        }
        var options = options
        options.sharesPort = false
        options.type = facts.kind == .packets ? .packets : .stream
        let address = SocketAddress(facts.address, .stream)
        try options.check(address)
        if facts.family == .unix {
            try mapping("adopt a listener", object: address.description) { () throws(SystemCallError) in
                _ = try SocketCalls.setPassesDescriptors(number, options.takesDescriptors)
            }
        }
        let stream = try StreamDescriptor(socket, kind: .init(address.isUnix, options.type), uses: 1)
        self.init(ListeningSocket(stream, nil, at: address), options)
    }
}

extension SocketConnection {
    /// Takes over a connected socket that somebody else made: a stream, or packets.
    ///
    /// - Throws: `.invalidArgument` when it was taken, is no socket, is not connected, or carries datagrams.
    public convenience init(adopting descriptor: PassedDescriptor) throws(IPCError) {
        let socket = try descriptor.takeOpen(reads: true)
        let number = socket.number
        let (kind, streamKind, peer) = try mapping("adopt a connection", object: "descriptor \(number)") {
            () throws(SystemCallError) in
            _ = try NetworkCalls.remoteAddress(number)
            return (
                try NetworkCalls.kind(number), try StreamDescriptor.Kind(of: number),
                PeerCredentials(try SocketCalls.peerCredentials(number))
            )
        }
        guard kind == .stream || kind == .packets else {
            throw IPCError(
                .invalidArgument, "adopt a connection: the socket carries datagrams; take a DatagramChannel",
                object: "descriptor \(number)")
        }
        let stream = try StreamDescriptor(socket, kind: streamKind, uses: 2, shortReadMeansEmpty: false)
        self.init(stream, peer: peer)
    }
}
