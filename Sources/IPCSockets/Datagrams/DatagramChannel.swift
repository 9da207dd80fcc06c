public import IPCCore
import IPCSystem
import Synchronization

/// Messages with an address each, over a Unix datagram socket or UDP: no connection, any number of others.
///
/// ```swift
/// let server = try DatagramChannel(at: .udp(port: 0))
/// let client = try await DatagramChannel.connect(to: server.address)
/// try await client.send(Datagram(payload: Array("ping".utf8)))
/// if let question = try await server.receive() {
///     try await server.send(Datagram(payload: question.payload, address: question.address))
/// }
/// ```
///
/// - **Unix** datagrams are ordered and lossless: `send` waits while the receiver's queue is full. To an address that the
///   channel is not connected to it looks again at growing intervals, up to 50 ms, because the kernel tells nobody when
///   there is room.
/// - **UDP** loses messages, delivers them twice or in another order, and tells nobody: ``guarantees`` say so. Whatever must
///   arrive needs a connection. A message above some 1,400 bytes travels in pieces, and is lost with any of them.
/// - **Size** is bounded: ``DatagramOptions/maximumMessageSize``. A message that is larger is refused here, and one that comes
///   is dropped with `.messageTooLarge`; the channel goes on.
/// - **Who may send**: at an abstract name the same user and root, at a path those whom the permissions of its file let
///   through, unless an authorization says otherwise; it is asked for each message, and messages that it refuses are dropped
///   (``refusedMessageCount``). Over UDP anybody who can reach the address can send, under any sender's address.
/// - **Ends**: there are none. `finish` and ``close()`` concern this channel alone. A message to a port where nobody receives
///   is lost; if the channel is connected, a later `send` may throw `.connectionRefused` for it.
///
/// unix(7), udp(7), recvfrom(2).
public final class DatagramChannel: Channel, ByteReceiveChannel, ByteSendChannel {
    /// A message and who sent it.
    public typealias Inbound = Datagram<[UInt8]>
    /// A message and to whom.
    public typealias Outbound = Datagram<[UInt8]>

    /// Where others reach this channel, with the port that the kernel chose, if it was to choose one.
    public let address: SocketAddress
    /// To whom messages without an address go, and from whom alone messages are received; nil where it is not connected.
    public let connectedAddress: SocketAddress?
    /// The largest message in bytes.
    public let maximumMessageSize: Int

    let stream: StreamDescriptor
    let isUnix: Bool
    /// Who may send; nil where everybody may who can.
    let authorization: SocketAuthorization?
    let refusals = Atomic<Int>(0)
    let sendLock = TaskLock()
    let receiveLock = TaskLock()
    let inbox: DatagramInbox
    private let name: Lock<SocketName?>
    private let hasFinished = Lock(false)

    /// Receives at `address`, which is in numbers; anybody may be sent to. See ``SocketAddress/resolve(until:)`` for names.
    ///
    /// - Parameters:
    ///   - address: where others reach it.
    ///   - options: how it is set up.
    ///   - authorization: whose messages are received, by the credentials of who sent each of them, which the kernel notes
    ///     for Unix sockets (SO_PASSCRED, without supplementary groups), and the address that it came from. nil, the usual:
    ///     the same user and root at an abstract name, else everybody who can reach the address.
    /// - Throws: `.addressInUse`; `.invalidArgument` for a stream's address or the name of a host; `.notFound` when this
    ///   machine does not have the address; for a Unix path, as a ``SocketListener``; `.resourceExhausted`.
    public convenience init(
        at address: SocketAddress, options: DatagramOptions = DatagramOptions(),
        authorization: SocketAuthorization? = nil
    ) throws(IPCError) {
        try address.checkDatagram("receive datagrams")
        let network = try address.inNumbers("receive datagrams")
        let authorization = authorization ?? (address.isAbstract ? .sameUserOrRoot : nil)
        self.init(
            try DatagramSocket.bound(network.family, at: address, network, options, asksWho: authorization != nil),
            authorization)
    }

    /// Takes over a datagram socket that somebody else made. ``DatagramOptions/sharesPort`` and
    /// ``DatagramOptions/permissions`` are what they were. `authorization` as in ``init(at:options:authorization:)``, and
    /// nil as well where the socket is connected. Messages that came before, for which the kernel noted nobody, have a sender
    /// that is not known.
    ///
    /// - Throws: `.invalidArgument` when it was taken or is no datagram socket.
    public convenience init(
        adopting descriptor: PassedDescriptor, options: DatagramOptions = DatagramOptions(),
        authorization: SocketAuthorization? = nil
    ) throws(IPCError) {
        try options.check()
        let socket = try descriptor.takeOpen(reads: true)
        let number = socket.number
        let (kind, family) = try mapping(foreign: number, "adopt a datagram socket") { () throws(SystemCallError) in
            (try NetworkCalls.kind(number), try NetworkCalls.family(number))
        }
        guard kind == .datagrams, [.unix, .ipv4, .ipv6].contains(family) else {
            throw ForeignSocket.refused(number, "adopt a datagram socket", "the socket is of another type")
        }
        var settings = options
        settings.sharesPort = false
        try DatagramSocket.prepare(number, family, settings, "descriptor \(number)")
        let adopted = try DatagramSocket(socket, nil, options)
        let isOpenToAll = adopted.local.isAbstract && adopted.remote == nil
        let authorization = authorization ?? (isOpenToAll ? .sameUserOrRoot : nil)
        if authorization != nil && adopted.isUnix {
            do throws(SystemCallError) {
                try NetworkCalls.setPassesCredentials(number)
            } catch {
                adopted.stream.endUse()
                adopted.stream.endUse()
                throw IPCError(error, "adopt a datagram socket")
            }
        }
        self.init(adopted, authorization)
    }

    init(_ socket: consuming DatagramSocket, _ authorization: SocketAuthorization? = nil) {
        var socket = socket
        self.authorization = authorization
        stream = socket.stream
        isUnix = socket.isUnix
        address = socket.local
        connectedAddress = socket.remote
        maximumMessageSize = socket.maximumMessageSize
        inbox = DatagramInbox(maximumMessageSize: socket.maximumMessageSize)
        name = Lock(socket.takeName())
    }

    deinit { close() }

    /// A channel that sends to `address` and receives from there alone. connect(2).
    ///
    /// - Parameters:
    ///   - address: where messages go. The first address of a host's name is taken.
    ///   - local: where answers come; nil for a port that the kernel chooses, and for a Unix socket without a name, which
    ///     nobody can answer.
    ///   - options: how it is set up.
    ///   - deadline: when to give up looking the name up.
    /// - Throws: `.notFound`, `.connectionRefused` (a Unix name that nobody receives at), `.permissionDenied`,
    ///   `.unreachable`, `.invalidArgument`, `.timedOut`, `.cancelled`, `.resourceExhausted`.
    public static func connect(
        to address: SocketAddress, from local: SocketAddress? = nil, options: DatagramOptions = DatagramOptions(),
        until deadline: Deadline = .never
    ) async throws(IPCError) -> DatagramChannel {
        try address.checkDatagram("connect a datagram socket")
        let found = try await address.resolved("connect a datagram socket", until: deadline)
        guard let target = found.first else {
            throw IPCError(.notFound, "connect a datagram socket: this host has no address", object: "\(address)")
        }
        let network = try local?.inNumbers("connect a datagram socket")
        let bound = try DatagramSocket.bound(target.family, at: local, network, options, target: target)
        return DatagramChannel(try bound.connected(to: target, options, object: address.description))
    }

    /// Two channels that send to each other, over Unix sockets without names. socketpair(2).
    ///
    /// - Throws: `.resourceExhausted` when no descriptor is free.
    public static func makePair(
        options: DatagramOptions = DatagramOptions()
    ) throws(IPCError) -> (DatagramChannel, DatagramChannel) {
        try options.check()
        let ends = try mapping("make a pair of sockets") { () throws(SystemCallError) in
            try SocketCalls.makePair(.datagrams)
        }
        let first = OwnedDescriptor(owning: ends.0)
        let second = OwnedDescriptor(owning: ends.1)
        return (
            DatagramChannel(try DatagramSocket(pairEnd: first, options)),
            DatagramChannel(try DatagramSocket(pairEnd: second, options))
        )
    }

    /// How many messages were dropped because of whom they came from.
    public var refusedMessageCount: Int { refusals.load(ordering: .relaxed) }

    /// A place that any number of senders use: ordered and lossless over Unix sockets, neither over UDP.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(
            topology: .queue, isOrdered: isUnix, isLossless: isUnix, detectsPeerDeath: false,
            tellsFinishFromDeath: false, maximumMessageSize: maximumMessageSize)
    }

    /// Ends sending through this channel. Nobody is told.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sendLock.acquire(until: deadline, "finish", engine: stream.engine)
        hasFinished.withLock { $0 = true }
        endSending()
    }

    /// Closes the socket and removes its name. Idempotent, never waits; whoever waits gets `.closed`.
    public func close() {
        if let name = name.withLock({ $0.take() }) { name.remove() }
        // Each direction ends its use of the descriptor once: here, or when whoever has the lock gives it back.
        if sendLock.close() { stream.endUse() } else { stream.registration.writable.signal() }
        if receiveLock.close() { stream.endUse() } else { stream.registration.readable.signal() }
    }

    func checkSending() throws(IPCError) {
        if hasFinished.withLock({ $0 }) {
            throw IPCError(.finished, "send: this end has finished; open another channel to send more")
        }
    }

    func endSending() {
        if sendLock.release() { stream.endUse() }
    }

    func endReceiving() {
        if receiveLock.release() { stream.endUse() }
    }
}
