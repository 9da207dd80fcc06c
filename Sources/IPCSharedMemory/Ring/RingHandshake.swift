public import IPCCore
public import IPCSockets
import IPCSystem

/// What the side that made a ring tells the other one: 40 bytes with three descriptors, little-endian.
///
/// | bytes | |
/// |---|---|
/// | 0–7 | `sIPCRING` |
/// | 8–11 | version, 1 |
/// | 12–15 | 0 |
/// | 16–23 | bytes for messages in each direction |
/// | 24–31 | the largest message that the maker of the ring receives |
/// | 32–39 | 0 |
///
/// The descriptors are the memory, the bell of side 0 (who sends this) and that of side 1.
struct RingHello: Equatable {
    static let byteCount = 40

    var dataByteCount: Int
    var maximumMessageSize: Int

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        func add(_ value: UInt64) {
            for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
        }
        add(RingGeometry.magic)
        add(UInt64(RingGeometry.version))
        add(UInt64(dataByteCount))
        add(UInt64(maximumMessageSize))
        add(0)
        return bytes
    }

    init(_ geometry: RingGeometry, maximumMessageSize: Int) {
        dataByteCount = geometry.dataByteCount
        self.maximumMessageSize = maximumMessageSize
    }

    /// - Throws: `.wrongMagic`, `.wrongVersion`, `.protocolViolation`.
    init(decoding bytes: [UInt8]) throws(IPCError) {
        func number(_ offset: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        }
        guard bytes.count == Self.byteCount, number(0) == RingGeometry.magic else {
            throw IPCError(.wrongMagic, "connect to a ring: the listener does not speak of rings")
        }
        guard number(8) == UInt64(RingGeometry.version) else {
            throw IPCError(
                .wrongVersion, "connect to a ring: version \(number(8)) where \(RingGeometry.version) is expected")
        }
        guard let data = Int(exactly: number(16)), RingGeometry.isPossible(dataByteCount: data),
            let limit = Int(exactly: number(24)), limit > 0, number(32) == 0
        else { throw IPCError(.protocolViolation, "connect to a ring: the listener says impossible sizes") }
        dataByteCount = data
        maximumMessageSize = limit
    }
}

extension RingParts {
    /// Side 0 over a fresh connection: sends the peer all it needs. Never waits: the socket's buffer is empty.
    consuming func introduce(
        over stream: StreamDescriptor, trust: RingTrust, _ options: RingOptions, peer: PeerCredentials
    ) throws(IPCError) -> RingChannel {
        let hello = RingHello(memory.geometry, maximumMessageSize: options.maximumMessageSize).encoded
        let numbers = [file.number, firstBell.number, secondBell.number]
        do throws(IPCError) {
            let sent = try mapping("accept a ring") { () throws(SystemCallError) -> Int? in
                try unsafe hello.span.bytes.withUnsafeBytes { bytes throws(SystemCallError) -> Int? in
                    try unsafe SocketCalls.send(
                        stream.number, bytes, UnsafeRawBufferPointer(start: nil, count: 0), descriptors: numbers)
                }
            }
            guard sent == hello.count else {
                throw IPCError(.resourceExhausted, "accept a ring: the socket takes no \(hello.count) bytes")
            }
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
        return try channel(stream, side: 0, trust: trust, options, RingPositions(), peer: peer)
    }

    /// Side 1 over a fresh connection: waits for what side 0 says. Ends both uses of `stream` when it throws.
    static func meet(over stream: StreamDescriptor, until deadline: Deadline) async throws(IPCError) -> RingParts {
        do throws(IPCError) {
            var found = try read(stream.number)
            while found == nil {
                try await stream.registration.waitReadable(until: deadline, "connect to a ring")
                found = try read(stream.number)
            }
            // Nothing more comes with descriptors.
            _ = try mapping("connect to a ring") { () throws(SystemCallError) in
                try SocketCalls.setPassesDescriptors(stream.number, false)
            }
            return try found!.parts()
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
    }

    private struct Found {
        let bytes: [UInt8]
        let descriptors: [PassedDescriptor]

        func parts() throws(IPCError) -> RingParts {
            let hello = try RingHello(decoding: bytes)
            guard descriptors.count == 3 else {
                throw IPCError(.protocolViolation, "connect to a ring: \(descriptors.count) descriptors instead of 3")
            }
            var parts = try RingParts(adopting: descriptors, RingGeometry(dataByteCount: hello.dataByteCount))
            parts.peerLimit = hello.maximumMessageSize
            return parts
        }
    }

    /// One recvmsg(2): nil when nothing has come yet.
    private static func read(_ number: Int32) throws(IPCError) -> Found? {
        var bytes: [UInt8] = []
        let received = try mapping("connect to a ring") { () throws(SystemCallError) in
            try unsafe withUnsafeTemporaryAllocation(byteCount: RingHello.byteCount, alignment: 8) {
                buffer throws(SystemCallError) in
                // SAFETY: what was received has been written by the kernel, and fits.
                let received = try unsafe SocketCalls.receiveMessage(number, into: buffer)
                if let received { unsafe bytes.append(contentsOf: buffer[..<received.byteCount]) }
                return received
            }
        }
        guard let received else { return nil }
        // Owned from here on, so that those of a bad message are closed.
        let descriptors = received.descriptors.map { PassedDescriptor(owning: $0) }
        guard !received.controlWasTruncated else {
            throw IPCError(
                .descriptorsTruncated, "connect to a ring: this process has no room for the ring's descriptors")
        }
        guard received.byteCount > 0 else {
            throw IPCError(.peerClosed, "connect to a ring: the listener turned this connection away")
        }
        return Found(bytes: bytes, descriptors: descriptors)
    }

    /// Takes over the first three of `descriptors`: memory, bell of side 0, bell of side 1.
    init(adopting descriptors: [PassedDescriptor], _ geometry: RingGeometry) throws(IPCError) {
        func take(_ index: Int) throws(IPCError) -> OwnedDescriptor {
            guard let number = descriptors[index].take() else {
                throw IPCError(.invalidArgument, "open a ring: a descriptor was taken before")
            }
            return OwnedDescriptor(owning: number)
        }
        let file = try take(0)
        let first = try take(1)
        let second = try take(2)
        let memory = try RingMemory.adopt(file.number, geometry)
        for bell in [first.number, second.number] {
            try mapping("open a ring") { () throws(SystemCallError) in try DescriptorCalls.setNonblocking(bell) }
        }
        self.init(memory, file: file, first, second)
    }
}

extension RingChannel {
    /// Connects to a ``RingListener``, which makes the memory and decides its size.
    ///
    /// - Throws: as `SocketConnection/connect(to:type:retry:until:)`; `.permissionDenied` or `.peerClosed` when the listener turned
    ///   this process away; `.wrongMagic` or `.wrongVersion` when it is not one for rings; `.protocolViolation` when it
    ///   sent memory whose size could change, or that is not what it says; `.timedOut`, `.cancelled`.
    public static func connect(
        to address: SocketAddress, options: RingOptions = RingOptions(), until deadline: Deadline = .never
    ) async throws(IPCError) -> RingChannel {
        try options.check()
        let connection = try await SocketConnection.connect(to: address, until: deadline)
        let peer = connection.peer
        let stream = try connection.takeStream("connect to a ring")
        let parts = try await RingParts.meet(over: stream, until: deadline)
        var options = options
        options.maximumMessageSize = min(options.maximumMessageSize, parts.peerLimit)
        return try parts.channel(
            stream, side: 1, trust: options.trust ?? .untrusted, options, RingPositions(), peer: peer)
    }
}
