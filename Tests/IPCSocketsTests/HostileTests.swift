import IPCSockets
import IPCSystem
import Synchronization
import TestSupport
import Testing

/// What arrives from clients that do not keep to the protocol, through a listener that serves a good one all the time.
@Suite(.watched) struct HostileTests {
    /// Runs `attack` against a server while a good client gets its answers, and returns how the server's channels ended.
    private func underAttack(
        limit: Int = 1 << 20, patience: Duration = .seconds(60), _ attack: (SocketAddress) async throws -> Void
    ) async throws -> [IPCError.Code] {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let course = Course()
            let options = SocketListenerOptions(maximumConnections: 200, gracePeriod: .zero)
            return try await SocketListener.withListener(at: address, options: options) { listener in
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        try await withThrowingDiscardingTaskGroup { serving in
                            var isFirst = true
                            for try await connection in listener {
                                // The good client came first; it may take its time.
                                let patience = isFirst ? .seconds(60) : patience
                                isFirst = false
                                serving.addTask {
                                    let code = await serve(connection, limit: limit, patience: patience)
                                    if let code { course.endings.withLock { $0.append(code) } }
                                }
                            }
                        }
                    }
                    let good = try await SocketChannel.connect(to: address)
                    group.addTask {
                        defer { course.goodIsDone.store(true, ordering: .relaxed) }
                        var rounds: UInt8 = 0
                        while !course.isOver.load(ordering: .relaxed) || rounds < 10 {
                            try await good.send([rounds])
                            #expect(try await good.receive(until: .after(.seconds(60))) == [rounds])
                            rounds &+= 1
                        }
                        try await good.finish()
                    }
                    do {
                        try await attack(address)
                    } catch {
                        course.isOver.store(true, ordering: .relaxed)
                        listener.close()
                        throw error
                    }
                    // The last in the queue: when it is served, everybody was accepted.
                    while try await !isServed(address) {}
                    course.isOver.store(true, ordering: .relaxed)
                    try await eventually {
                        course.goodIsDone.load(ordering: .relaxed) && listener.connectionCount == 0
                    }
                    listener.close()
                    try await group.waitForAll()
                }
                return course.endings.withLock { $0 }
            }
        }
    }

    /// Whether a new client was served before the server's patience was at its end.
    private func isServed(_ address: SocketAddress) async throws -> Bool {
        let channel = try await SocketChannel.connect(to: address)
        do throws(IPCError) {
            try await channel.send([0])
            guard try await channel.receive() == [0] else { return false }
            try await channel.finish()
            return try await channel.receive() == nil
        } catch {
            return false
        }
    }

    /// Writes bytes and waits until the server has hung up.
    private func attack(_ address: SocketAddress, _ bytes: [UInt8], thenEnds: Bool = false) async throws {
        let connection = try await SocketConnection.connect(to: address)
        try await connection.write(bytes)
        if thenEnds { try await connection.finishWriting() }
        while let _ = try? await connection.read(until: .after(.seconds(60))) {}
        connection.close()
    }

    @Test(
        arguments: [(1 << 20) + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, .max - 15, .max] as [UInt64])
    func lengthsThatLie(_ length: UInt64) async throws {
        let endings = try await underAttack { address in
            try await attack(address, RawPeer.hello + RawPeer.header(length))
        }
        #expect(endings == [.messageTooLarge])
    }

    @Test func lengthsWithinTheLimit() async throws {
        let endings = try await underAttack { address in
            try await attack(address, RawPeer.hello + RawPeer.frame([]) + RawPeer.end, thenEnds: true)
            try await attack(
                address, RawPeer.hello + RawPeer.frame([UInt8](repeating: 1, count: 1 << 20)) + RawPeer.end,
                thenEnds: true)
        }
        #expect(endings.isEmpty)
    }

    @Test func garbage() async throws {
        let endings = try await underAttack { address in
            try await attack(address, Array("GET / HTTP/1.1\r\nHost: example\r\n\r\n".utf8))
            try await attack(address, [UInt8](repeating: 0, count: 16))
            try await attack(address, RawPeer.hello.dropLast(7) + [9, 0, 0, 0, 0, 0, 0])
            try await attack(address, RawPeer.hello + RawPeer.header(0, kind: 77))
            try await attack(address, RawPeer.hello + RawPeer.header(0, flags: 1))
            try await attack(address, RawPeer.hello + RawPeer.header(1, kind: 2))
            try await attack(address, RawPeer.hello + RawPeer.header(0, descriptors: 1))
            try await attack(address, RawPeer.hello + RawPeer.hello)
        }
        #expect(
            endings.sorted { "\($0)" < "\($1)" }.map { "\($0)" } == [
                "messageTooLarge", "protocolViolation", "protocolViolation", "protocolViolation", "protocolViolation",
                "wrongMagic", "wrongMagic", "wrongVersion",
            ])
    }

    @Test func cutAtEveryByte() async throws {
        let bytes = RawPeer.hello + RawPeer.frame([1, 2, 3]) + RawPeer.frame([4]) + RawPeer.end
        let endings = try await underAttack { address in
            for count in 0..<bytes.count { try await attack(address, Array(bytes[..<count]), thenEnds: true) }
        }
        // Between two frames the end is missing, inside one the frame is cut.
        #expect(endings.count { $0 == .peerClosed } == 4)
        #expect(endings.count { $0 == .truncated } == bytes.count - 4)
    }

    /// A length within the limit and then silence, from many.
    @Test func lengthsThenSilence() async throws {
        let endings = try await underAttack(limit: 512 << 20, patience: .milliseconds(200)) { address in
            var silent: [SocketConnection] = []
            for _ in 0..<32 {
                let connection = try await SocketConnection.connect(to: address)
                try await connection.write(RawPeer.hello + RawPeer.header(500 << 20))
                silent.append(connection)
            }
            for connection in silent { while let _ = try? await connection.read() {} }
        }
        #expect(endings.count >= 32 && endings.allSatisfy { $0 == .timedOut })
    }

    /// F18: descriptors for a server that takes none, its own connection among them.
    @Test func unwantedDescriptors() async throws {
        let endings = try await underAttack { address in
            for _ in 0..<20 {
                let socket = try SocketCalls.makeUnixSocket(.stream)
                #expect(try SocketCalls.connectUnix(socket.number, path: address.path ?? ""))
                let peer = RawPeer(socket: socket)
                let tracer = try Tracer()
                let own = [peer.socket.number, tracer.writing.borrowedNumber ?? -1]
                try? peer.send(RawPeer.hello + RawPeer.frame([1]), descriptors: own)
                try? SocketCalls.shutdown(peer.socket.number, reading: false, writing: true)
                _ = tracer.writing.take().map(closeDescriptor)
                #expect(try await tracer.ends())
            }
        }
        #expect(endings.count == 20 && endings.allSatisfy { $0 == .peerClosed })
    }
}

/// What has happened in an attack so far.
private final class Course: Sendable {
    let endings = Lock<[IPCError.Code]>([])
    let isOver = Atomic<Bool>(false)
    let goodIsDone = Atomic<Bool>(false)
}

/// Echoes until the client ends, and returns how it ended when that was not as it should be.
private func serve(_ connection: SocketConnection, limit: Int, patience: Duration) async -> IPCError.Code? {
    do throws(IPCError) {
        let channel = try connection.channel(options: SocketOptions(maximumMessageSize: limit))
        while let message = try await channel.receive(until: .after(patience)) { try await channel.send(message) }
        try await channel.finish()
        connection.close()
        return nil
    } catch {
        connection.close()
        return error.code
    }
}
