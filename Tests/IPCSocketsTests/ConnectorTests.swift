import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct ConnectorTests {
    private let retry = ConnectRetry.backingOff(from: .milliseconds(1), to: .milliseconds(20))

    /// What was sent and not confirmed is named, each message once; what is sent afterwards arrives.
    @Test(arguments: ["unix", "tcp"]) func saysWhatMayBeLost(_ kind: String) async throws {
        try await withFolder { folder in
            let options = SocketListenerOptions(sharesPort: kind == "tcp")
            var listener = try SocketListener(
                at: kind == "unix" ? .unix(path: folder + "/s") : .tcp(port: 0), options: options)
            let address = listener.address
            let connector = Connector(to: address, retry: retry)
            #expect(!connector.isConnected)
            var number: UInt64 = 0
            for round in 0..<3 {
                for expected in number..<number + 5 { #expect(try await connector.send([UInt8(round)]) == expected) }
                let connection = try #require(try await listener.accept())
                let server = try connection.channel()
                #expect(try await server.receive() == [UInt8(round)])
                try await server.send([UInt8(round)])
                guard case .message([UInt8(round)]) = try await connector.receive() else {
                    Issue.record("no answer")
                    return
                }
                #expect(connector.isConnected)
                connector.confirm(through: number + 1)
                // The server goes, without a word. The next one has its port already, so that no other program takes it.
                let next = kind == "tcp" ? try SocketListener(at: address, options: options) : nil
                listener.close()
                // A child that is being started may have the old one a moment longer, which would get the next connection.
                if kind == "tcp", let port = address.port {
                    try await eventually { try await listeningSockets(port: port) == 1 }
                }
                server.close()
                guard case .interruption(let gap) = try await connector.receive(until: .after(.seconds(60))) else {
                    Issue.record("no interruption")
                    return
                }
                #expect(gap.uncertain == number + 2..<number + 5)
                #expect(gap.error.code == .peerClosed || gap.error.code == .truncated)
                number += 5
                listener = try next ?? SocketListener(at: address)
            }
            connector.close()
            listener.close()
            let error = await failure { () async throws(IPCError) in try await connector.send([1]) }
            #expect(error?.code == .closed)
        }
    }

    @Test func finishIsNoInterruption() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        let connector = Connector(to: listener.address, retry: retry)
        try await connector.connect(until: .after(.seconds(60)))
        let server = try #require(try await listener.accept()).channel()
        try await server.finish()
        for _ in 0..<2 { #expect(try await connector.receive() == nil) }
        try await connector.finish()
        #expect(try await server.receive() == nil)
    }

    @Test func givesUpAtItsDeadline() async throws {
        let connector = Connector(to: try .unix(abstract: "swift-ipc-nobody-\(ProcessFacts.processID)"), retry: retry)
        let sending = await failure { () async throws(IPCError) in
            try await connector.send([1], until: .after(.milliseconds(40)))
        }
        #expect(sending?.code == .timedOut)
        let waiting = Task { try await connector.receive() }
        try await Task.sleep(for: .milliseconds(10))
        waiting.cancel()
        let cancelled = await #expect(throws: IPCError.self) { try await waiting.value }
        #expect(cancelled?.code == .cancelled)
    }

    /// Nobody listens, nobody cancels, there is no deadline: `close` ends whoever waits, in line for the connection too.
    @Test func closeEndsWhoConnects() async throws {
        let connector = Connector(to: try .unix(abstract: "swift-ipc-nobody-\(ProcessFacts.processID)"))
        let waiting = [
            Task { try await connector.connect() },
            Task { _ = try await connector.send([1]) },
            Task { _ = try await connector.receive() },
            Task { try await connector.finish() },
        ]
        try await Task.sleep(for: .milliseconds(20))
        connector.close()
        for task in waiting {
            let error = await #expect(throws: IPCError.self) { try await task.value }
            #expect(error?.code == .closed)
        }
        let later = await failure { () async throws(IPCError) in try await connector.connect() }
        #expect(later?.code == .closed)
    }

    /// Who has finished sends no more, over no connection, and each new one is told.
    @Test func finishOutlivesTheConnection() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        let connector = Connector(to: listener.address, retry: retry)
        try await connector.send([1])
        let first = try #require(try await listener.accept()).channel()
        #expect(try await first.receive() == [1])
        // Broken before `finish`: another connection is made for it.
        first.close()
        guard case .interruption = try await connector.receive() else {
            Issue.record("no interruption")
            return
        }
        try await connector.finish()
        try await connector.finish()
        let sending = await failure { () async throws(IPCError) in try await connector.send([2]) }
        #expect(sending?.code == .finished)
        let second = try #require(try await listener.accept()).channel()
        #expect(try await second.receive() == nil)
        // Broken after it: receiving goes on over a third, which is told at once.
        second.close()
        guard case .interruption = try await connector.receive() else {
            Issue.record("no interruption")
            return
        }
        let third = Task { () throws -> [UInt8]? in
            let channel = try await listener.accept()?.channel()
            let received = try await channel?.receive()
            try await channel?.send([3])
            return received
        }
        guard case .message([3]) = try await connector.receive() else {
            Issue.record("no message")
            return
        }
        #expect(try await third.value == nil)
        let late = await failure { () async throws(IPCError) in try await connector.send([2]) }
        #expect(late?.code == .finished)
    }

    /// The break is noticed by `finish` itself.
    @Test func finishNotesABreak() async throws {
        let listener = try SocketListener(at: .unix(abstract: "swift-ipc-finish-\(ProcessFacts.processID)"))
        defer { listener.close() }
        let connector = Connector(to: listener.address, retry: retry)
        try await connector.send([1])
        let first = try #require(try await listener.accept()).channel()
        #expect(try await first.receive() == [1])
        // Broken for certain when `finish` comes: a child that is being started may have this socket a moment longer.
        try SocketCalls.shutdown(first.sender.stream.number, reading: true, writing: true)
        first.close()
        try await connector.finish()
        let second = try #require(try await listener.accept()).channel()
        #expect(try await second.receive() == nil)
        guard case .interruption(let gap) = try await connector.receive() else {
            Issue.record("no interruption")
            return
        }
        #expect(gap.uncertain == 0..<1)
    }

    /// A peer that breaks the protocol is left, and the next one heard.
    @Test func violationIsAnInterruption() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        defer { listener.close() }
        let connector = Connector(to: listener.address, retry: retry)
        try await connector.connect()
        let first = try #require(try await listener.accept())
        try await first.write(RawPeer.hello + RawPeer.header(0, kind: 77))
        guard case .interruption(let gap) = try await connector.receive() else {
            Issue.record("no interruption")
            return
        }
        #expect(gap.error.code == .protocolViolation && gap.uncertain.isEmpty)
        let second = Task { try await listener.accept()?.channel().send([4]) }
        guard case .message([4]) = try await connector.receive() else {
            Issue.record("no message")
            return
        }
        try await second.value
    }
}
