public import IPCCore
import IPCSystem

/// How messages to a group travel.
public struct MulticastOptions: Sendable, Hashable {
    /// The network interface by name, `eth0` for instance; nil lets the kernel choose by its routes. On one machine: `lo`.
    public var interface: String?
    /// How many networks a message may cross, 1 for the one at hand, up to 255. IP_MULTICAST_TTL, ip(7).
    public var hops: Int
    /// Whether receivers on this machine get the messages that are sent here: yes, unless said otherwise.
    public var loops: Bool
    /// How the socket is set up otherwise. Of a receiver, which sends nothing and always shares its port, the largest message
    /// and the receive buffer alone.
    public var socket: DatagramOptions

    /// The usual options.
    public init(
        interface: String? = nil, hops: Int = 1, loops: Bool = true, socket: DatagramOptions = DatagramOptions()
    ) {
        self.interface = interface
        self.hops = hops
        self.loops = loops
        self.socket = socket
    }

    func index() throws(IPCError) -> UInt32 {
        guard (0...255).contains(hops) else {
            throw IPCError(.invalidArgument, "multicast: hops is from 0 to 255, not \(hops)")
        }
        guard let interface else { return 0 }
        return try mapping("multicast: find the network interface", object: interface) {
            () throws(SystemCallError) in
            try NetworkCalls.interfaceIndex(interface)
        }
    }
}

extension SocketAddress {
    /// The group and the port, or a refusal.
    func multicastGroup(_ doing: String) throws(IPCError) -> (IPAddress, UInt16) {
        guard case .udp(.address(let group), let port) = kind, group.isMulticast else {
            throw IPCError(
                .invalidArgument, "\(doing): the address is no group in numbers; give one of 224.0.0.0/4 or ff00::/8",
                object: description)
        }
        return (group, port)
    }
}

/// Sends messages to a group: to everybody who listens to it at that moment, however many there are.
///
/// ```swift
/// let group = try SocketAddress.udp(host: "239.10.20.30", port: 5_000)
/// let receiver = try MulticastReceiver(group: group)
/// let sender = try MulticastSender(group: group)
/// try await sender.send(Array("the price is 17".utf8))
/// let news = try await receiver.receive()
/// ```
///
/// As over UDP, messages may be lost, doubled or overtaken, for each receiver on its own. ip(7), ipv6(7).
public final class MulticastSender: SendChannel {
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// The group and its port.
    public let group: SocketAddress
    private let channel: DatagramChannel

    /// Sends to `group`.
    ///
    /// - Throws: `.invalidArgument` when it is no group in numbers; `.notFound` when there is no such interface;
    ///   `.unreachable` when no route leads to the group and no interface was named; `.resourceExhausted`.
    public init(group: SocketAddress, options: MulticastOptions = MulticastOptions()) throws(IPCError) {
        let (address, _) = try group.multicastGroup("send to a group")
        let index = try options.index()
        let local = try SocketAddress.udp(host: address.isIPv6 ? "::" : "0.0.0.0", port: 0)
        channel = try DatagramChannel(at: local, options: options.socket)
        self.group = group
        let ipv6 = address.isIPv6
        try mapping("send to a group", object: group.description) { () throws(SystemCallError) in
            let number = channel.stream.number
            try NetworkCalls.set(number, .multicastHops(ipv6: ipv6), options.hops)
            try NetworkCalls.set(number, .multicastLoop(ipv6: ipv6), options.loops ? 1 : 0)
            if index != 0 { try NetworkCalls.setMulticastInterface(number, ipv6: ipv6, index) }
        }
    }

    /// Where answers to its messages come.
    public var address: SocketAddress { channel.address }

    /// Messages one way, which may be lost or overtaken.
    public var guarantees: ChannelGuarantees {
        var guarantees = channel.guarantees
        guarantees.direction = .sends
        return guarantees
    }

    /// Sends one message to the group. See ``DatagramChannel/send(_:until:)-(Datagram<[UInt8]>,_)``.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe channel.send(message.span.bytes, to: group, until: deadline)
    }

    /// Sends one message to the group if there is room now.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try unsafe channel.trySend(message.span.bytes, to: group)
    }

    /// Ends sending. Nobody is told.
    public func finish(until deadline: Deadline) async throws(IPCError) { try await channel.finish(until: deadline) }

    /// Closes the socket.
    public func close() { channel.close() }
}

/// Receives what is sent to one or several groups at a port. See ``MulticastSender``.
///
/// Several receivers on one machine get each message, each on its own.
public final class MulticastReceiver: ReceiveChannel {
    /// A message and who sent it.
    public typealias Inbound = Datagram<[UInt8]>

    private let channel: DatagramChannel
    private let isIPv6: Bool
    private let interface: UInt32

    /// Receives what is sent to `group`, and whatever somebody sends to that port of this machine itself: look at the sender.
    ///
    /// - Throws: `.invalidArgument` when it is no group in numbers; `.notFound` when there is no such interface, or none
    ///   that leads to the group; `.addressInUse` when a program that does not share it has the port;
    ///   `.resourceExhausted`.
    public init(group: SocketAddress, options: MulticastOptions = MulticastOptions()) throws(IPCError) {
        let (address, port) = try group.multicastGroup("receive from a group")
        interface = try options.index()
        isIPv6 = address.isIPv6
        channel = DatagramChannel(
            try DatagramSocket.receivingGroups(ipv6: address.isIPv6, port: port, options.socket))
        try join(group)
    }

    /// Receives what is sent to `group`, too. Its port is the one of the first group.
    ///
    /// - Throws: `.invalidArgument` when it is no group of the same version; `.addressInUse` when it was joined before;
    ///   `.notFound`, `.resourceExhausted` (`net.ipv4.igmp_max_memberships`).
    public func join(_ group: SocketAddress) throws(IPCError) {
        try change(group, joining: true)
    }

    /// Does not receive what is sent to `group` any more.
    ///
    /// - Throws: `.invalidArgument` when it is no group; `.notFound` when it was not joined.
    public func leave(_ group: SocketAddress) throws(IPCError) {
        try change(group, joining: false)
    }

    private func change(_ group: SocketAddress, joining: Bool) throws(IPCError) {
        let (address, _) = try group.multicastGroup(joining ? "join a group" : "leave a group")
        guard address.isIPv6 == isIPv6 else {
            throw IPCError(
                .invalidArgument, "join a group: the receiver is of the other IP version", object: group.description)
        }
        try channel.stream.withNumber("change a group") { number throws(IPCError) in
            try mapping(joining ? "join a group" : "leave a group", object: group.description) {
                () throws(SystemCallError) in
                try NetworkCalls.changeMembership(number, joining: joining, address.bytes, interface: interface)
            }
        }
    }

    /// Messages one way, which may be lost or overtaken.
    public var guarantees: ChannelGuarantees {
        var guarantees = channel.guarantees
        guarantees.direction = .receives
        return guarantees
    }

    /// Waits for a message and its sender. Never nil. See ``DatagramChannel/receive(until:)``.
    public func receive(until deadline: Deadline) async throws(IPCError) -> Datagram<[UInt8]>? {
        try await channel.receive(until: deadline)
    }

    /// The next message if one is there; never `.finished`.
    public func tryReceive() throws(IPCError) -> Received<Datagram<[UInt8]>> { try channel.tryReceive() }

    /// Closes the socket, which leaves its groups.
    public func close() { channel.close() }
}

extension DatagramSocket {
    /// A socket at a port that others on this machine share, which receives from the groups that it joins alone.
    static func receivingGroups(
        ipv6: Bool, port: UInt16, _ options: DatagramOptions
    ) throws(IPCError) -> DatagramSocket {
        try options.check()
        let address = IPAddress(IPBytes(isIPv6: ipv6, high: 0, low: 0))
        let socket = try mapping("receive from a group") { () throws(SystemCallError) in
            try NetworkCalls.makeSocket(ipv6 ? .ipv6 : .ipv4, .datagrams)
        }
        let number = socket.number
        try mapping("receive from a group", object: "port \(port)") { () throws(SystemCallError) in
            try NetworkCalls.set(number, .reuseAddress, 1)
            try NetworkCalls.set(number, .multicastAll(ipv6: ipv6), 0)
            if ipv6 { try NetworkCalls.set(number, .ipv6Only, 1) }
            if options.receiveBufferSize != nil {
                try SocketCalls.setBufferSizes(number, send: nil, receive: options.receiveBufferSize)
            }
            try NetworkCalls.bind(number, to: .ip(address.bytes, port: port))
        }
        return try DatagramSocket(socket, nil, options)
    }
}
