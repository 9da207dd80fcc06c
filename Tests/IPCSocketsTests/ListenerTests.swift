import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct ListenerTests {
    @Test func servesUntilItsBodyReturns() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/echo.sock")
            let reply = try await SocketListener.withListener(at: address) { listener in
                async let served: Void = echo(listener, count: 1)
                let channel = try await SocketChannel.connect(to: address)
                #expect(channel.peer.processID == ProcessFacts.processID)
                try await channel.send([1, 2, 3])
                let reply = try await channel.receive()
                try await channel.finish()
                #expect(try await channel.receive() == nil)
                try await served
                return reply
            }
            #expect(reply == [1, 2, 3])
            let error = await failure { () async throws(IPCError) in try await SocketChannel.connect(to: address) }
            #expect(error?.code == .notFound)
            #expect(error?.object == address.path)
        }
    }

    @Test func bodyThatThrowsLeavesNothing() async throws {
        struct Stop: Error {}
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            await #expect(throws: Stop.self) {
                try await SocketListener.withListener(at: address) { listener in
                    let channel = try await SocketChannel.connect(to: address)
                    let accepted = try #require(try await listener.accept())
                    try await channel.send([1])
                    _ = accepted
                    throw Stop()
                }
            }
        }
    }

    @Test func refusedPeerIsClosedUnread() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            Events.start()
            let options = SocketListenerOptions(
                authorization: SocketAuthorization { $0.userID != ProcessFacts.effectiveUser })
            try await SocketListener.withListener(at: address, options: options) { listener in
                let channel = try await SocketChannel.connect(to: address)
                try await channel.send([1, 2, 3])
                let accepted = await failure { () async throws(IPCError) in
                    try await listener.accept(until: .after(.milliseconds(50)))
                }
                #expect(accepted?.code == .timedOut)
                let error = await failure { () async throws(IPCError) in try await channel.receive() }
                #expect(error?.code == .peerClosed)
                #expect(Events.refusals(at: address) == 1)
                #expect(Events.acceptances(at: address) == 0)
                #expect(listener.connectionCount == 0)
            }
        }
    }

    @Test func limitSuspendsAccepting() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let options = SocketListenerOptions(maximumConnections: 2)
            try await SocketListener.withListener(at: address, options: options) { listener in
                var clients: [SocketChannel] = []
                for _ in 0..<3 { clients.append(try await SocketChannel.connect(to: address)) }
                let first = try #require(try await listener.accept())
                let second = try #require(try await listener.accept()).channel()
                let third = await failure { () async throws(IPCError) in
                    try await listener.accept(until: .after(.milliseconds(30)))
                }
                #expect(third?.code == .timedOut)
                async let waiting = listener.accept()
                try await Task.sleep(for: .milliseconds(10))
                second.close()
                #expect(try await waiting != nil)
                #expect(listener.connectionCount == 2)
                first.close()
                #expect(listener.connectionCount == 1)
            }
        }
    }

    @Test func droppedConnectionsFreeTheirPlaces() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address, options: .init(maximumConnections: 1)) { listener in
                for round in 0..<20 {
                    let client = try await SocketConnection.connect(to: address)
                    let accepted = try #require(try await listener.accept())
                    if round % 2 == 0 { _ = try accepted.channel() } else { try await accepted.write([1]) }
                    client.close()
                }
                try await eventually { listener.connectionCount == 0 }
            }
        }
    }

    @Test func shutDownWaitsForConnections() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let listener = try SocketListener(at: address)
            let client = try await SocketChannel.connect(to: address)
            let server = try #require(try await listener.accept()).channel()
            async let ended = listener.shutDown(until: .after(.seconds(60)))
            #expect(try await listener.accept() == nil)
            #expect(await failure { () async throws(IPCError) in try await SocketChannel.connect(to: address) } != nil)
            try await client.send([7])
            #expect(try await server.receive() == [7])
            try await server.finish()
            server.close()
            #expect(await ended == 0)
            #expect(try await client.receive() == nil)
        }
    }

    @Test func shutDownEndsWhatIsLeft() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let listener = try SocketListener(at: address)
            let client = try await SocketChannel.connect(to: address)
            let server = try #require(try await listener.accept()).channel()
            async let stuck = failure { () async throws(IPCError) in try await server.receive() }
            try await Task.sleep(for: .milliseconds(10))
            #expect(await listener.shutDown(until: .after(.milliseconds(20))) == 1)
            #expect(await stuck?.code == .peerClosed)
            #expect(await failure { () async throws(IPCError) in try await client.receive() }?.code == .peerClosed)
        }
    }

    @Test func cancelledServerEndsEverything() async throws {
        try await withFolder { folder in
            Events.start()
            let address = try SocketAddress.unix(path: folder + "/s")
            let server = Task {
                try await SocketListener.withListener(at: address) { listener in
                    var connections: [SocketConnection] = []
                    for try await connection in listener { connections.append(connection) }
                    connections.removeAll()
                }
            }
            try await eventually { (try? FileCalls.status(at: folder + "/s")) != nil }
            let client = try await connectPatiently(address)
            try await eventually { Events.acceptances(at: address) == 1 }
            server.cancel()
            let error = await #expect(throws: IPCError.self) { try await server.value }
            #expect(error?.isCancellation == true)
            #expect(await failure { () async throws(IPCError) in try await client.receive() }?.code == .peerClosed)
        }
    }

    /// A peer that is being looked at while the listener shuts down: nobody would end its connection later.
    @Test func shutDownEndsWhomItIsLookingAt() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let (asked, mayGoOn) = (FutexWord(), FutexWord())
            let authorization = SocketAuthorization { _ in
                asked.store(1)
                while mayGoOn.value == 0 { mayGoOn.wait(while: 0) }
                return true
            }
            let listener = try SocketListener(at: address, options: SocketListenerOptions(authorization: authorization))
            // The authorisation waits, so it runs on threads that nobody else needs.
            let accepting = Task(executorPreference: OwnThreads()) { try await listener.accept() }
            let client = try await SocketChannel.connect(to: address)
            try await eventually { asked.value == 1 }
            #expect(await listener.shutDown(until: .now) == 0)
            mayGoOn.store(1)
            mayGoOn.wake()
            #expect(try await accepting.value == nil)
            #expect(listener.connectionCount == 0)
            #expect(await failure { () async throws(IPCError) in try await client.receive() }?.code == .peerClosed)
        }
    }

    @Test func closeEndsEveryAcceptor() async throws {
        try await withFolder { folder in
            let listener = try SocketListener(at: .unix(path: folder + "/s"))
            let waiting = (0..<5).map { _ in Task { try await listener.accept() } }
            try await Task.sleep(for: .milliseconds(20))
            listener.close()
            listener.close()
            for task in waiting { #expect(try await task.value == nil) }
        }
    }

    @Test func cancelledAcceptLosesNoConnection() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address) { listener in
                var accepted = 0
                for round in 0..<50 {
                    let waiting = Task { try await listener.accept() }
                    if round % 3 == 0 { await Task.yield() }
                    waiting.cancel()
                    let client = try await SocketConnection.connect(to: address)
                    if let connection = try? await waiting.value {
                        accepted += 1
                        connection.close()
                    } else {
                        #expect(try await listener.accept(until: .after(.seconds(60))) != nil)
                        accepted += 1
                    }
                    client.close()
                }
                #expect(accepted == 50)
            }
        }
    }

    @Test func thousandConnections() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let options = SocketListenerOptions(maximumConnections: 2000, backlog: 64)
            try await SocketListener.withListener(at: address, options: options) { listener in
                async let served: Void = echo(listener, count: 1000)
                try await withThrowingTaskGroup { group in
                    for index in 0..<1000 {
                        group.addTask {
                            let channel = try await SocketChannel.connect(to: address)
                            let message = Array("client \(index)".utf8)
                            try await channel.send(message)
                            #expect(try await channel.receive() == message)
                            try await channel.finish()
                            #expect(try await channel.receive() == nil)
                        }
                    }
                    try await group.waitForAll()
                }
                try await served
            }
        }
    }
}

/// Echoes messages on the next `count` connections.
func echo(_ listener: SocketListener, count: Int, _ options: SocketOptions = SocketOptions()) async throws {
    try await withThrowingDiscardingTaskGroup { group in
        var left = count
        for try await connection in listener {
            group.addTask {
                let channel = try connection.channel(options: options)
                while let message = try await channel.receive() { try await channel.send(message) }
                try await channel.finish()
            }
            left -= 1
            if left == 0 { return }
        }
    }
}

/// Connects to a server that is just starting: its name is there a moment before it listens.
func connectPatiently(
    _ address: SocketAddress, _ options: SocketOptions = SocketOptions()
) async throws -> SocketChannel {
    while true {
        do throws(IPCError) {
            return try await SocketChannel.connect(to: address, options: options)
        } catch {
            guard error.code == .connectionRefused || error.code == .notFound else { throw error }
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}
