import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCCore
@testable import IPCSockets

/// Whether this machine has an address of version 6.
let hasIPv6 = (try? SocketListener(at: .tcp(host: "::1", port: 0)))?.address.port != nil

@Suite(.watched) struct TCPTests {
    /// The same program at an address of another kind.
    @Test(arguments: ["unix:", "unix:@swift-ipc-tcp-test", "tcp:127.0.0.1:0", "tcp:localhost:0", "tcp:[::1]:0"])
    func sameProgramAtEveryAddress(_ text: String) async throws {
        if text.contains("::1") && !hasIPv6 { return }
        try await withFolder { folder in
            let address =
                text == "unix:" ? try SocketAddress.unix(path: folder + "/s") : try SocketAddress(text)
            try await SocketListener.withListener(at: address) { listener in
                let serving = Task {
                    let connection = try #require(try await listener.accept())
                    let channel = try connection.channel()
                    for try await message in channel.incoming { try await channel.send(message) }
                    try await channel.finish()
                }
                let channel = try await SocketChannel.connect(to: listener.address, until: .after(.seconds(60)))
                for size in [0, 1, 1_000, 3_000_000] {
                    let message = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
                    async let answer = channel.receive()
                    try await channel.send(message)
                    #expect(try await answer == message)
                }
                try await channel.finish()
                #expect(try await channel.receive() == nil)
                try await serving.value
            }
        }
    }

    @Test func listensOnThisMachineAloneUnlessTold() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        #expect(listener.address.ipAddress == .loopback && listener.address.port != 0)
        let everywhere = try SocketListener(at: .tcp(host: "::", port: 0))
        defer { everywhere.close() }
        // Every address, those of version 4 too.
        let port = try #require(everywhere.address.port)
        _ = try await SocketConnection.connect(to: .tcp(port: port))
        #expect(try await everywhere.accept()?.peer.isKnown == false)
    }

    @Test func portThatIsTakenOrNobodyHas() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        let taken = await failure { () async throws(IPCError) in try SocketListener(at: listener.address) }
        #expect(taken?.code == .addressInUse)
        listener.close()
        try await nobodyListens(at: listener.address)
        // At once again, though connections of before may linger in the kernel.
        try SocketListener(at: listener.address).close()
        let foreign = await failure { () async throws(IPCError) in
            try SocketListener(at: .tcp(host: "192.0.2.1", port: 0))
        }
        #expect(foreign?.code == .notFound)
        let name = await failure { () async throws(IPCError) in
            try SocketListener(at: .tcp(host: "localhost", port: 0))
        }
        #expect(name?.code == .invalidArgument)
    }

    @Test func everyAddressIsTried() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        let port = try #require(listener.address.port)
        // Two where nobody listens, one that is of no machine's, and then the right one.
        let targets: [NetworkAddress] = [
            .ip(IPBytes(isIPv6: false, high: 0, low: 0x7F00_0009), port: port),
            .ip(IPAddress.loopback6.bytes, port: port),
            .ip(IPBytes(isIPv6: false, high: 0, low: 0xF000_0001), port: port),
            .ip(IPAddress.loopback.bytes, port: port),
        ]
        let stream = try await SocketConnecting.connect(
            toFirstOf: targets, .stream, object: "test", until: .after(.seconds(60)))
        let connection = try SocketConnection(stream, "test")
        #expect(try connection.remoteAddress == listener.address)
        #expect(try await listener.accept()?.remoteAddress == connection.localAddress)
        let error = await failure { () async throws(IPCError) in
            try await SocketConnecting.connect(
                toFirstOf: [targets[0], targets[0]], .stream, object: "test", until: .after(.seconds(60)))
        }
        #expect(error?.code == .connectionRefused)
    }

    @Test func connectGivesUp() async throws {
        // A queue of one that nobody serves: the next ones get no answer, as from a machine that is off.
        let listener = try SocketListener(at: .tcp(port: 0), options: .init(backlog: 1))
        defer { listener.close() }
        var open: [SocketConnection] = []
        var last: IPCError?
        for _ in 0..<64 where last == nil {
            do throws(IPCError) {
                open.append(try await SocketConnection.connect(to: listener.address, until: .after(.milliseconds(200))))
            } catch {
                last = error
            }
        }
        #expect(last?.code == .timedOut)
        let connecting = Task { try await SocketConnection.connect(to: listener.address) }
        try await Task.sleep(for: .milliseconds(5))
        connecting.cancel()
        let error = await #expect(throws: IPCError.self) { try await connecting.value }
        #expect(error?.code == .cancelled)
    }

    @Test func clientMayStartFirst() async throws {
        let place = try SocketListener(at: .tcp(port: 0))
        place.close()
        try await nobodyListens(at: place.address)
        let connecting = Task {
            try await SocketChannel.connect(
                to: place.address, retry: .backingOff(from: .milliseconds(1), to: .milliseconds(20)))
        }
        try await Task.sleep(for: .milliseconds(30))
        let listener = try SocketListener(at: place.address)
        defer { listener.close() }
        #expect(try await listener.accept() != nil)
        try await connecting.value.close()
        let never = await failure { () async throws(IPCError) in
            try await SocketChannel.connect(
                to: .unix(path: "/tmp/swift-ipc-nobody"), retry: .untilDeadline, until: .after(.milliseconds(60)))
        }
        #expect(never?.code == .timedOut)
        #expect(never?.message.contains("no") == true)
    }

    @Test func optionsReachTheSocket() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        for noDelay in [true, false] {
            let connection = try await SocketConnection.connect(to: listener.address)
            let keepAlive = SocketKeepAlive(idle: .seconds(7), interval: .seconds(3), attempts: 5)
            let channel = try connection.channel(
                options: SocketOptions(sendBufferSize: 50_000, noDelay: noDelay, keepAlive: keepAlive))
            let number = channel.sender.stream.number
            #expect(try NetworkCalls.get(number, .noDelay) == (noDelay ? 1 : 0))
            #expect(try NetworkCalls.get(number, .keepAlive) == 1)
            #expect(try NetworkCalls.get(number, .keepAliveIdle) == 7)
            #expect(try NetworkCalls.get(number, .keepAliveInterval) == 3)
            #expect(try NetworkCalls.get(number, .keepAliveCount) == 5)
            #expect(try NetworkCalls.get(number, .userTimeout) == 22_000)
            #expect(try NetworkCalls.get(number, .sendBuffer) == 100_000)
            #expect(try await listener.accept() != nil)
        }
        for keepAlive in [SocketKeepAlive(idle: .zero), .init(interval: .seconds(40_000)), .init(attempts: 0)] {
            let error = #expect(throws: IPCError.self) { try SocketOptions(keepAlive: keepAlive).check() }
            #expect(error?.code == .invalidArgument)
        }
        let connection = try await SocketConnection.connect(to: listener.address)
        let error = #expect(throws: IPCError.self) {
            try connection.channel(options: SocketOptions(maximumDescriptors: 1))
        }
        #expect(error?.code == .invalidArgument)
    }

    /// What has not been delivered is thrown away, and the peer hears of it at once.
    @Test func resetsOnClose() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        let client = try await SocketChannel.connect(to: listener.address, options: .init(resetsOnClose: true))
        let server = try #require(try await listener.accept())
        client.close()
        // Bare bytes, where an end could not be told from a reset otherwise.
        let error = await failure { () async throws(IPCError) in try await server.read() }
        #expect(error?.code == .peerClosed)
    }

    @Test func portIsShared() async throws {
        let first = try SocketListener(at: .tcp(port: 0), options: .init(sharesPort: true))
        let second = try SocketListener(at: first.address, options: .init(sharesPort: true))
        defer {
            first.close()
            second.close()
        }
        for _ in 0..<64 { _ = try await SocketConnection.connect(to: first.address) }
        let (accepted, note) = AsyncStream.makeStream(of: Int.self)
        let accepting = [first, second].enumerated().map { index, listener in
            Task { while try await listener.accept() != nil { note.yield(index) } }
        }
        var counts = [0, 0]
        for await index in accepted {
            counts[index] += 1
            if counts[0] + counts[1] == 64 { break }
        }
        for task in accepting { task.cancel() }
        #expect(counts[0] > 0 && counts[1] > 0)
        let error = #expect(throws: IPCError.self) {
            try SocketListener(at: .unix(abstract: "swift-ipc-shared"), options: .init(sharesPort: true))
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func authorisationSeesTheAddress() async throws {
        for (authorization, isAllowed) in [
            (SocketAuthorization.usual, true), (.everyone, true), (.sameUserOrRoot, false), (.users([0]), false),
            (.groups([0]), false), (.addresses { $0.ipAddress == .loopback }, true), (.addresses { _ in false }, false),
        ] {
            let listener = try SocketListener(at: .tcp(port: 0), options: .init(authorization: authorization))
            let client = try await SocketConnection.connect(to: listener.address)
            let accepting = Task { (try? await listener.accept(until: .after(.seconds(60)))) != nil }
            if !isAllowed {
                #expect(try await client.read(until: .after(.seconds(60))) == nil)
                accepting.cancel()
            }
            #expect(await accepting.value == isAllowed)
            listener.close()
        }
    }

    @Test func endpointsAreGivenAway() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        let address = listener.address
        let moved = try SocketListener.receive(try listener.transfer())
        #expect(moved.address == address)
        let client = try await SocketChannel.connect(to: address)
        let server = try #require(try await moved.accept()).channel()
        try await client.send([1, 2, 3])
        let second = try SocketChannel.receive(try server.transfer())
        #expect(try await second.receive() == [1, 2, 3])
        moved.close()
    }

    @Test func vsockOrSaysThatThereIsNone() async throws {
        do throws(IPCError) {
            let listener = try SocketListener(at: .vsock(context: 1, port: 50_123))
            defer { listener.close() }
            let client = try await SocketChannel.connect(to: listener.address, until: .after(.seconds(60)))
            let server = try await listener.accept()?.channel()
            try await client.send([7])
            let message = try await server?.receive()
            #expect(message == [7])
        } catch {
            // No vsock at all, or none that leads back to this machine.
            #expect(error.code == .unsupported || error.code == .notFound, "\(error)")
            print("vsock is not tried: \(error)")
        }
    }
}

@Suite(.watched) struct AbstractNameTests {
    @Test func nameIsTakenByOne() async throws {
        let address = try SocketAddress.unix(abstract: "swift-ipc-abstract-\(ProcessFacts.processID)")
        let listener = try SocketListener(at: address)
        #expect(listener.address == address && address.path == nil)
        let error = await failure { () async throws(IPCError) in try SocketListener(at: address) }
        #expect(error?.code == .addressInUse)
        let client = try await SocketChannel.connect(to: address)
        #expect(try await listener.accept()?.peer.processID == ProcessFacts.processID)
        #expect(client.peer.processID == ProcessFacts.processID)
        listener.close()
        try await nobodyListens(at: address)
        // Nothing stays behind.
        try SocketListener(at: address).close()
    }

    @Test(.enabled(if: canBecomeNobody && hasPython, "needs root, setpriv and Python"))
    func othersGetNothing() async throws {
        let name = "swift-ipc-abstract-attack-\(ProcessFacts.processID)"
        try await SocketListener.withListener(at: .unix(abstract: name)) { listener in
            let accepting = Task { try await listener.accept() }
            let output = try await asNobody(
                """
                import socket, sys
                s = socket.socket(socket.AF_UNIX)
                s.connect(b"\\0" + sys.argv[1].encode())
                try: print(s.recv(10))
                except ConnectionError: print(b"")
                """, name)
            #expect(output.text == "b''\n", "\(output.errorText)")
            listener.close()
            #expect(try await accepting.value == nil)
        }
    }
}
