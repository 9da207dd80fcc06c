import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

@Suite(.watched) struct PacketTests {
    static let options = SocketOptions(type: .packets, maximumMessageSize: 1000)

    @Test func kernelKeepsMessagesApart() async throws {
        let (near, far) = try SocketChannel.makePair(options: Self.options)
        #expect(near.guarantees.preservesBoundaries && near.guarantees.tellsFinishFromDeath)
        for size in [0, 1, 999, 1000] { try await near.send([UInt8](repeating: 7, count: size)) }
        try await near.send(contentsOf: [[1], [], [2, 3]])
        for size in [0, 1, 999, 1000] { #expect(try await far.receive()?.count == size) }
        for message: [UInt8] in [[1], [], [2, 3]] { #expect(try await far.receive() == message) }
        let error = await failure { () async throws(IPCError) in try await near.send([UInt8](repeating: 0, count: 1001))
        }
        #expect(error?.code == .messageTooLarge)
        try await near.finish()
        #expect(try await far.receive() == nil)
    }

    /// As much as a packet holds, which is less than the usual limit for messages.
    @Test func largestPacket() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(type: .packets))
        let limit = near.guarantees.maximumMessageSize
        #expect(limit == SocketOptions.maximumPacketSize)
        for _ in 0..<3 {
            async let arrived = far.receive()
            try await near.send([UInt8](repeating: 9, count: limit))
            #expect(try await arrived?.count == limit)
        }
        let (small, other) = try SocketChannel.makePair(options: SocketOptions(type: .packets, sendBufferSize: 5_000))
        #expect(small.guarantees.maximumMessageSize == 10_000 - 64)
        try await small.send([UInt8](repeating: 1, count: small.guarantees.maximumMessageSize))
        #expect(try await other.receive()?.count == small.guarantees.maximumMessageSize)
        // What a side may receive has nothing to do with its own send buffer.
        let (first, second) = try SocketConnection.makePair(type: .packets)
        let narrow = try first.channel(options: SocketOptions(type: .packets, sendBufferSize: 5_000))
        let wide = try second.channel(options: SocketOptions(type: .packets))
        async let arrived = narrow.receive()
        try await wide.send([UInt8](repeating: 2, count: limit))
        #expect(try await arrived?.count == limit)
    }

    @Test func barePackets() async throws {
        var options = Self.options
        options.framing = .bytes
        let (near, far) = try SocketChannel.makePair(options: options)
        #expect(near.guarantees.preservesBoundaries && !near.guarantees.tellsFinishFromDeath)
        try await near.send([1, 2])
        try await near.send(contentsOf: [[3], [4, 5, 6]])
        #expect(try await far.receive() == [1, 2])
        #expect(try await far.receive() == [3])
        #expect(try await far.receive() == [4, 5, 6])
        let error = await failure { () async throws(IPCError) in try await near.send([]) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func listenerOfPackets() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let listener = try SocketListener(at: address, options: .init(type: .packets))
            let client = try await SocketChannel.connect(to: address, options: Self.options)
            let connection = try #require(try await listener.accept())
            #expect(connection.type == .packets)
            let server = try connection.channel(options: Self.options)
            try await client.send([1])
            #expect(try await server.receive() == [1])
            let stream = await failure { () async throws(IPCError) in try await SocketConnection.connect(to: address) }
            #expect(stream?.code == .invalidArgument)
            // Given away, it is what it was.
            let moved = try SocketListener.receive(try listener.transfer())
            _ = try await SocketChannel.connect(to: address, options: Self.options)
            #expect(try await moved.accept()?.type == .packets)
            try await server.send([5, 6])
            let second = try SocketChannel.receive(try client.transfer())
            #expect(try await second.receive() == [5, 6])
            moved.close()
        }
        let error = #expect(throws: IPCError.self) {
            try SocketListener(at: .tcp(port: 0), options: .init(type: .packets))
        }
        #expect(error?.code == .invalidArgument)
    }

    private func raw() throws -> (RawPeer, SocketChannel) {
        let ends = try SocketCalls.makePair(.packets)
        let raw = OwnedDescriptor(owning: ends.0)
        var options = Self.options
        options.maximumDescriptors = 2
        return (RawPeer(socket: raw), try SocketChannel(OwnedDescriptor(owning: ends.1), options))
    }

    @Test(
        arguments: [
            (RawPeer.hello + RawPeer.header(5) + [1, 2, 3], IPCError.Code.protocolViolation),
            (RawPeer.hello + RawPeer.header(5), .protocolViolation),
            (RawPeer.hello + RawPeer.header(0xFFFF_FFFF_FFFF_FFFF), .messageTooLarge),
            (RawPeer.hello + RawPeer.header(1001) + [UInt8](repeating: 0, count: 1001), .messageTooLarge),
            (RawPeer.hello + RawPeer.header(1000) + [UInt8](repeating: 0, count: 5000), .protocolViolation),
            ([UInt8](repeating: 65, count: 40), .wrongMagic),
            ([1], .protocolViolation),
        ])
    func whatIsNoFrameEndsTheConnection(_ packet: [UInt8], _ code: IPCError.Code) async throws {
        let (peer, channel) = try raw()
        try peer.send(packet)
        let error = await failure { () async throws(IPCError) in
            // The first may be whole, with something behind it.
            _ = try await channel.receive()
            _ = try await channel.receive()
        }
        #expect(error?.code == code)
    }

    @Test func packetAboveTheLimitIsNotCut() async throws {
        var options = Self.options
        options.framing = .bytes
        let ends = try SocketCalls.makePair(.packets)
        let peer = RawPeer(socket: OwnedDescriptor(owning: ends.0))
        let channel = try SocketChannel(OwnedDescriptor(owning: ends.1), options)
        try peer.send([UInt8](repeating: 1, count: 1000))
        try peer.send([UInt8](repeating: 1, count: 1001))
        #expect(try await channel.receive()?.count == 1000)
        let error = await failure { () async throws(IPCError) in try await channel.receive() }
        #expect(error?.code == .messageTooLarge)
    }

    @Test func descriptorsTravelWithTheirPacket() async throws {
        var options = Self.options
        options.maximumDescriptors = 253
        let (near, far) = try SocketChannel.makePair(options: options)
        let tracer = try Tracer()
        for count in [0, 1, 3, 253] {
            let copies = try (0..<count).map { _ in try tracer.copy() }
            try await near.descriptorMessages.send(SocketMessage(payload: [UInt8(count)], descriptors: copies))
            let message = try #require(try await far.descriptorMessages.receive())
            #expect(message.payload == [UInt8(count)] && message.descriptors.count == count)
        }
        // A receive of bytes alone closes them.
        try await near.descriptorMessages.send(SocketMessage(payload: [1], descriptors: [try tracer.copy()]))
        #expect(try await far.receive() == [1])
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
    }

    @Test(.enabled(if: hasPython, "needs /usr/bin/python3")) func echoWithPython() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let listener = try SocketListener(at: .unix(path: path), options: .init(type: .packets))
            let serving = Task {
                var options = Self.options
                options.framing = .bytes
                let channel = try #require(try await listener.accept()).channel(options: options)
                for try await message in channel.incoming { try await channel.send(message) }
                try await channel.finish()
            }
            let output = try await Command(
                "/usr/bin/python3",
                arguments: [
                    "-c",
                    """
                    import socket, sys
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.connect(sys.argv[1])
                    for n in range(1, 200): s.send(bytes([n]) * n)
                    print(all(s.recv(2000) == bytes([n]) * n for n in range(1, 200)))
                    s.shutdown(socket.SHUT_WR)
                    print(s.recv(10))
                    """, path,
                ]
            ).output(until: .after(.seconds(60)))
            #expect(output.text == "True\nb''\n", "\(output.errorText)")
            try await serving.value
            listener.close()
        }
    }
}
