import IPCCore
import IPCSystem

/// A datagram socket with what belongs to it, before it becomes a channel.
struct DatagramSocket: ~Copyable {
    let stream: StreamDescriptor
    let isUnix: Bool
    private(set) var local: SocketAddress
    private(set) var remote: SocketAddress?
    let maximumMessageSize: Int
    private var name: SocketName?

    /// A socket at `address`, which is `network` in numbers; nil for one without an address.
    ///
    /// - Parameters:
    ///   - asksWho: whether the kernel is to note who sends each message.
    ///   - target: to whom it is going to be connected. At a name without permissions nobody else may come first.
    static func bound(
        _ family: NetworkCalls.Family, at address: SocketAddress?, _ network: NetworkAddress?,
        _ options: DatagramOptions, asksWho: Bool = false, target: NetworkAddress? = nil
    ) throws(IPCError) -> DatagramSocket {
        try options.check()
        let object = address?.description
        let socket = try mapping("open a datagram socket", object: object) { () throws(SystemCallError) in
            try NetworkCalls.makeSocket(family, .datagrams)
        }
        try prepare(socket.number, family, options, object)
        if case .unix(let path) = address?.kind {
            let number = socket.number
            if asksWho {
                try mapping("open a datagram socket", object: object) { () throws(SystemCallError) in
                    try NetworkCalls.setPassesCredentials(number)
                }
            }
            let name = try SocketName(binding: socket.number, to: path, options.permissions)
            return try DatagramSocket(socket, name, options)
        }
        if let network {
            let number = socket.number
            // What is wrong with that, connecting says afterwards.
            if let target, address?.isAbstract == true { _ = try? NetworkCalls.connect(number, to: target) }
            try mapping("open a datagram socket", object: object) { () throws(SystemCallError) in
                if asksWho && family == .unix { try NetworkCalls.setPassesCredentials(number) }
                try NetworkCalls.bind(number, to: network)
            }
        }
        return try DatagramSocket(socket, nil, options)
    }

    /// Takes over a datagram socket, and its name if it has one of ours.
    init(
        _ socket: consuming OwnedDescriptor, _ name: consuming SocketName?, _ options: DatagramOptions
    ) throws(IPCError) {
        let number = socket.number
        let facts: Facts
        do throws(IPCError) {
            facts = try Facts(number, options)
            stream = try StreamDescriptor(socket, kind: facts.isUnix ? .packetSocket : .networkSocket, uses: 2)
        } catch {
            if let name = name.take() { name.remove() }
            throw error
        }
        isUnix = facts.isUnix
        local = facts.local
        remote = facts.remote
        maximumMessageSize = facts.maximumMessageSize
        self.name = consume name
    }

    mutating func takeName() -> SocketName? { name.take() }

    /// What is set before anybody can send to it.
    static func prepare(
        _ number: Int32, _ family: NetworkCalls.Family, _ options: DatagramOptions, _ object: String?
    ) throws(IPCError) {
        try mapping("open a datagram socket", object: object) { () throws(SystemCallError) in
            if family == .unix { _ = try SocketCalls.setPassesDescriptors(number, false) }
            if options.allowsBroadcast { try NetworkCalls.set(number, .broadcast, 1) }
            if options.sharesPort { try NetworkCalls.set(number, .reusePort, 1) }
            if options.sendBufferSize != nil || options.receiveBufferSize != nil {
                try SocketCalls.setBufferSizes(
                    number, send: options.sendBufferSize, receive: options.receiveBufferSize)
            }
        }
    }

    /// What the kernel says of a socket.
    private struct Facts {
        let isUnix: Bool
        let local: SocketAddress
        let remote: SocketAddress?
        let maximumMessageSize: Int

        init(_ number: Int32, _ options: DatagramOptions) throws(IPCError) {
            let (family, local, room) = try mapping("open a datagram socket") { () throws(SystemCallError) in
                (
                    try NetworkCalls.family(number), try NetworkCalls.localAddress(number),
                    try NetworkCalls.get(number, .sendBuffer)
                )
            }
            isUnix = family == .unix
            self.local = SocketAddress(local, .datagrams)
            remote = (try? NetworkCalls.remoteAddress(number)).map { SocketAddress($0, .datagrams) }
            let largest = isUnix ? min(SocketOptions.maximumPacketSize, room - 64) : 65_507
            maximumMessageSize = min(options.maximumMessageSize ?? largest, largest)
        }
    }
}

extension DatagramSocket {
    /// One of a pair, which takes no descriptors.
    init(pairEnd: consuming OwnedDescriptor, _ options: DatagramOptions) throws(IPCError) {
        try Self.prepare(pairEnd.number, .unix, options, nil)
        try self.init(pairEnd, nil, options)
    }

    /// The same socket, connected.
    consuming func connected(
        to target: NetworkAddress, _ options: DatagramOptions, object: String
    ) throws(IPCError) -> DatagramSocket {
        var socket = self
        do throws(SystemCallError) {
            _ = try NetworkCalls.connect(socket.stream.number, to: target)
        } catch {
            let name = socket.takeName()
            if let name { name.remove() }
            socket.stream.endUse()
            socket.stream.endUse()
            throw IPCError(error, "connect a datagram socket", object: object)
        }
        // The kernel has chosen the address of this end by now.
        let number = socket.stream.number
        if let chosen = try? NetworkCalls.localAddress(number) { socket.local = SocketAddress(chosen, .datagrams) }
        socket.remote = SocketAddress(target, .datagrams)
        return socket
    }
}
