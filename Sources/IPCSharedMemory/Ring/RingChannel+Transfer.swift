public import IPCCore
import IPCSystem

/// Four descriptors: the memory, the bells of side 0 and of side 1, and the socket. As state 58 bytes: 1 (the version),
/// the side, flags, 7 bytes of zero, then little-endian words: bytes for messages in each direction, the largest message,
/// slots and bytes sent, slots and bytes received.
extension RingChannel: DescriptorTransferable {
    private static let stateByteCount = 58

    /// Gives the end away, with what was sent to it and not received. It is closed here, which the peer does not notice.
    ///
    /// - Throws: `.closed`; `.invalidArgument` while another task sends or receives (until its call has returned), a loan is
    ///   out, or a message in fragments has come in part; `.resourceExhausted`; what broke the ring.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        guard receiver.lock.tryAcquire() else {
            if receiver.lock.isClosed { throw .closed("transfer") }
            throw IPCError(.invalidArgument, "transfer: another task receives; let it finish first")
        }
        guard sender.lock.tryAcquire() else {
            receiver.release()
            throw IPCError(.invalidArgument, "transfer: another task sends, or a loan is out; let it finish first")
        }
        // What was received is forgotten here, so the peer must know of it.
        receiver.publish()
        // Who sent before may not have come to ring, and finds no bell afterwards.
        sender.wakeReceiver()
        let given: TransferredDescriptors
        do throws(IPCError) {
            given = TransferredDescriptors(descriptors: try link.duplicates(), state: try state())
            guard link.giveAway() else {
                throw IPCError(
                    .invalidArgument, "transfer: another task is about to return from a call; let it finish first")
            }
        } catch {
            sender.release()
            receiver.release()
            throw error
        }
        // Both are held, so nothing is under way; and the peer is not told.
        sender.close()
        receiver.close()
        sender.release()
        receiver.release()
        return given
    }

    private func state() throws(IPCError) -> [UInt8] {
        if let failure = sender.failure { throw failure }
        if case .failed(let error) = receiver.ending { throw error }
        guard receiver.assembly == nil else {
            throw IPCError(.invalidArgument, "transfer: a message has come in part; receive it first")
        }
        var hasEnded = false
        if case .finished = receiver.ending { hasEnded = true }
        let flags: UInt8 = (sender.hasFinished ? 1 : 0) | (hasEnded ? 2 : 0)
        var bytes: [UInt8] = [1, UInt8(link.side), flags] + [UInt8](repeating: 0, count: 7)
        for value in [
            UInt64(ringByteCount), UInt64(sender.maximumMessageSize), sender.slotPosition, sender.dataPosition,
            receiver.slotPosition, receiver.dataPosition,
        ] {
            for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
        }
        return bytes
    }

    /// The end on the other side. Its peer is not trusted: say so with ``trust`` if it is, as in a child of one's own.
    ///
    /// - Throws: `.decodingFailed` or `.invalidArgument` when this is no end of a ring; `.protocolViolation`,
    ///   `.wrongMagic` or `.wrongVersion` when its memory is not what it must be; `.resourceExhausted`.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> RingChannel {
        try receive(transferred, options: RingOptions())
    }

    /// The end on the other side. Of the options ``RingOptions/trust`` and ``RingOptions/spin`` hold; the sizes are what
    /// they were.
    ///
    /// - Throws: as ``receive(_:)``.
    public static func receive(
        _ transferred: TransferredDescriptors, options: RingOptions
    ) throws(IPCError) -> RingChannel {
        let state = transferred.state
        guard state.count == stateByteCount, state[0] == 1, state[1] <= 1, state[2] <= 3,
            transferred.descriptors.count == 4
        else { throw IPCError(.decodingFailed, "receive a ring: this is not the state of one") }
        func number(_ index: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(state[10 + 8 * index + $1]) << UInt64(8 * $1) }
        }
        guard let size = Int(exactly: number(0)), RingGeometry.isPossible(dataByteCount: size),
            let limit = Int(exactly: number(1)), limit > 0
        else { throw IPCError(.decodingFailed, "receive a ring: its sizes are impossible") }
        var options = options
        options.maximumMessageSize = limit
        let positions = RingPositions(
            sentSlots: number(2), sentBytes: number(3), receivedSlots: number(4), receivedBytes: number(5),
            hasFinished: state[2] & 1 != 0, hasEnded: state[2] & 2 != 0)
        options.ringByteCount = size
        return try open(transferred.descriptors, side: Int(state[1]), options, positions)
    }

    /// An end on the four descriptors of one, which are as `transfer` orders them.
    package static func open(
        _ descriptors: [PassedDescriptor], side: Int, _ options: RingOptions
    ) throws(IPCError) -> RingChannel {
        try open(descriptors, side: side, options, RingPositions())
    }

    private static func open(
        _ descriptors: [PassedDescriptor], side: Int, _ options: RingOptions, _ positions: RingPositions
    ) throws(IPCError) -> RingChannel {
        let parts = try RingParts(
            adopting: descriptors, RingGeometry(dataByteCount: options.ringByteCount))
        let socket = try descriptors[3].takeOpen(reads: true)
        let credentials = socket.number
        let peer = try mapping("receive a ring") { () throws(SystemCallError) in
            PeerCredentials(try SocketCalls.peerCredentials(credentials))
        }
        let stream = try StreamDescriptor(socket, kind: .socket, uses: 2)
        return try parts.channel(
            stream, side: side, trust: options.trust ?? .untrusted, options, positions, peer: peer)
    }
}
