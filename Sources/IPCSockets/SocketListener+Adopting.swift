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
        let found = try ForeignListener(socket.number, "adopt a listener")
        try self.init(socket, found, nil, options, "adopt a listener")
    }

    /// Takes over a socket that listens, and its name if it has one of ours.
    convenience init(
        _ socket: consuming OwnedDescriptor, _ found: ForeignListener, _ name: consuming SocketName?,
        _ options: SocketListenerOptions, _ doing: String
    ) throws(IPCError) {
        var options = options
        options.sharesPort = false
        options.type = found.type
        try options.check(found.address)
        let number = socket.number
        if found.address.isUnix {
            let takesDescriptors = options.takesDescriptors
            try mapping(doing, object: found.address.description) { () throws(SystemCallError) in
                _ = try SocketCalls.setPassesDescriptors(number, takesDescriptors)
            }
        }
        let stream = try StreamDescriptor(socket, kind: .init(found.address.isUnix, options.type), uses: 1)
        self.init(ListeningSocket(stream, name, at: found.address), options)
    }
}

/// A socket that is to listen and came from elsewhere.
struct ForeignListener {
    let address: SocketAddress
    let type: SocketType

    /// - Throws: `.invalidArgument` when `number` is no socket, does not listen, or carries datagrams.
    init(_ number: Int32, _ doing: String) throws(IPCError) {
        let (isListening, kind, address) = try mapping(foreign: number, doing) { () throws(SystemCallError) in
            (try SocketCalls.isListening(number), try NetworkCalls.kind(number), try NetworkCalls.localAddress(number))
        }
        guard isListening, kind == .stream || kind == .packets, address.family != .other else {
            throw ForeignSocket.refused(number, doing, "the socket does not listen for connections")
        }
        self.address = SocketAddress(address, .stream)
        type = kind == .packets ? .packets : .stream
    }
}

extension SocketConnection {
    /// Takes over a connected socket that somebody else made: a stream, or packets.
    ///
    /// - Throws: `.invalidArgument` when it was taken, is no socket, listens, is not connected, or carries datagrams.
    public convenience init(adopting descriptor: PassedDescriptor) throws(IPCError) {
        let socket = try descriptor.takeOpen(reads: true)
        let found = try ForeignSocket(socket.number, "adopt a connection")
        let stream = try StreamDescriptor(socket, kind: found.kind, uses: 2, shortReadMeansEmpty: false)
        self.init(stream, peer: found.peer)
    }
}
