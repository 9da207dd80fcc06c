public import IPCCore
import IPCSockets
import IPCSystem

/// How rings are made.
extension RingChannel {
    /// Two ends in this process that are each other's peers, for tasks of one program or for giving one away
    /// (``transfer()``). The peers trust each other unless the options say otherwise.
    ///
    /// - Throws: `.resourceExhausted` when memory or descriptors are lacking; `.invalidArgument`.
    public static func makePair(
        options: RingOptions = RingOptions()
    ) throws(IPCError) -> (RingChannel, RingChannel) {
        try options.check()
        let (near, far) = try SocketConnection.makePair()
        let parts = try RingParts.make(options)
        let trust = options.trust ?? .trusted
        let other = try parts.duplicate()
        let first = try parts.channel(near, side: 0, trust: trust, options)
        return (first, try other.channel(far, side: 1, trust: trust, options))
    }
}

/// What an end is made of: memory, file and bells, before it has a socket.
struct RingParts: ~Copyable {
    let memory: RingMemory
    let file: OwnedDescriptor
    /// The bell of side 0.
    let firstBell: OwnedDescriptor
    /// The bell of side 1.
    let secondBell: OwnedDescriptor
    /// The largest message that the other side receives, where it is known.
    var peerLimit = Int.max

    init(
        _ memory: RingMemory, file: consuming OwnedDescriptor, _ first: consuming OwnedDescriptor,
        _ second: consuming OwnedDescriptor
    ) {
        self.memory = memory
        self.file = file
        firstBell = first
        secondBell = second
    }

    static func make(_ options: RingOptions) throws(IPCError) -> RingParts {
        let geometry = RingGeometry(dataByteCount: options.ringByteCount)
        let file = try RingMemory.makeFile(geometry)
        let memory = try RingMemory.make(in: file.number, geometry)
        return RingParts(memory, file: file, try makeBell(), try makeBell())
    }

    private static func makeBell() throws(IPCError) -> OwnedDescriptor {
        try mapping("make a ring") { () throws(SystemCallError) in try DescriptorCalls.makeEvent() }
    }

    /// The same memory and bells under other descriptors.
    borrowing func duplicate() throws(IPCError) -> RingParts {
        RingParts(
            memory, file: try Self.duplicate(file.number), try Self.duplicate(firstBell.number),
            try Self.duplicate(secondBell.number))
    }

    private static func duplicate(_ number: Int32) throws(IPCError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try mapping("make a ring") { () throws(SystemCallError) in try DescriptorCalls.duplicate(number) })
    }

    /// An end over `connection`, which it takes over.
    consuming func channel(
        _ connection: SocketConnection, side: Int, trust: RingTrust, _ options: RingOptions
    ) throws(IPCError) -> RingChannel {
        let stream = try connection.takeStream("make a ring")
        return try channel(
            stream, side: side, trust: trust, options, RingPositions(), peer: connection.peer)
    }

    /// An end over `stream`, of which it takes over both uses, also when it throws.
    consuming func channel(
        _ stream: StreamDescriptor, side: Int, trust: RingTrust, _ options: RingOptions, _ positions: RingPositions,
        peer: PeerCredentials
    ) throws(IPCError) -> RingChannel {
        let memory = memory
        let link =
            side == 0
            ? try RingLink(
                stream, memory, file: file, ownBell: firstBell, peerBell: secondBell, side: side, trust: trust)
            : try RingLink(
                stream, memory, file: file, ownBell: secondBell, peerBell: firstBell, side: side, trust: trust)
        let receiver = RingReceiver(
            link, slots: positions.receivedSlots, data: positions.receivedBytes,
            ending: positions.hasEnded ? .finished : nil, options)
        let sender = RingSender(
            link, slots: positions.sentSlots, data: positions.sentBytes, hasFinished: positions.hasFinished, options)
        return RingChannel(link, receiver, sender, peer: peer)
    }
}

/// How far an end is.
struct RingPositions: Equatable {
    var sentSlots: UInt64 = 0
    var sentBytes: UInt64 = 0
    var receivedSlots: UInt64 = 0
    var receivedBytes: UInt64 = 0
    /// Whether this end has finished.
    var hasFinished = false
    /// Whether the peer has.
    var hasEnded = false
}
