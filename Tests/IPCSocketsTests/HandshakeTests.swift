import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

/// The time that a client has for its first message.
@Suite(.watched) struct HandshakeTests {
    private func address(_ kind: String, _ folder: String) throws -> SocketAddress {
        kind == "tcp" ? try .tcp(port: 0) : try .unix(path: folder + "/s")
    }

    /// Clients that are silent, or send a byte now and then, have all the places; when they are hung up on, the good one is
    /// served.
    @Test(arguments: ["unix", "packets", "tcp"]) func whoSaysNothingIsHungUpOn(_ kind: String) async throws {
        try await withFolder { folder in
            Events.start()
            let type: SocketType = kind == "packets" ? .packets : .stream
            // More than a loaded machine takes from the connection of the good one to its first message.
            let patience = Duration.seconds(2)
            let options = SocketListenerOptions(
                maximumConnections: 4, gracePeriod: .zero, handshakeDeadline: patience, type: type)
            let endings = Endings()
            try await SocketListener.withListener(at: address(kind, folder), options: options) { listener in
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask {
                        try await withThrowingDiscardingTaskGroup { serving in
                            for try await connection in listener {
                                serving.addTask {
                                    let code = await echo(connection)
                                    endings.all.withLock { $0.append(code) }
                                }
                            }
                        }
                    }
                    var bad: [SocketConnection] = []
                    for _ in 0..<4 {
                        bad.append(try await SocketConnection.connect(to: listener.address, type: type))
                    }
                    // A packet is whole or none at all; a byte of it now and then there cannot be.
                    for slow in bad.prefix(type == .packets ? 0 : 2) {
                        group.addTask {
                            for byte in RawPeer.hello + RawPeer.frame([UInt8](repeating: 1, count: 100_000)) {
                                do {
                                    try await slow.write([byte])
                                } catch {
                                    return
                                }
                                try await Task.sleep(for: .milliseconds(5))
                            }
                            Issue.record("nobody hung up")
                        }
                    }
                    let good = try await SocketChannel.connect(
                        to: listener.address, options: SocketOptions(type: type))
                    try await good.send([7])
                    #expect(try await good.receive() == [7])
                    // In silence, for longer than a client may be silent that has not said anything.
                    try await Task.sleep(for: patience * 1.25)
                    try await good.send([8])
                    #expect(try await good.receive() == [8])
                    try await good.finish()
                    #expect(try await good.receive() == nil)
                    try await eventually { endings.all.withLock { $0.count } == 5 }
                    listener.close()
                }
                #expect(endings.all.withLock { $0.count { $0 == .handshakeFailed } } == 4)
                #expect(endings.all.withLock { $0.count { $0 == nil } } == 1)
                #expect(Events.refusals(at: listener.address) == 4)
            }
        }
    }

    /// A connection that nobody has made anything of yet is hung up on, too, and says why when somebody does.
    @Test func connectionThatIsNotUsedYet() async throws {
        let options = SocketListenerOptions(handshakeDeadline: .milliseconds(50))
        let listener = try SocketListener(at: .tcp(port: 0), options: options)
        let client = try await SocketConnection.connect(to: listener.address)
        let accepted = try #require(try await listener.accept())
        #expect(try await client.read() == nil)
        let error = await failure { () async throws(IPCError) in try await accepted.read() }
        #expect(error?.code == .handshakeFailed)
        let again = await failure { () async throws(IPCError) in try await accepted.read() }
        #expect(again?.code == .handshakeFailed)
        accepted.close()
        // Whoever hangs up may still be at it.
        try await eventually { listener.connectionCount == 0 }
        listener.close()
    }

    /// Whoever has said something, or was spoken to, may be silent; so may a client of a server that does not listen, and
    /// one whose connection somebody else has taken over.
    @Test(arguments: ["message", "byte", "unread", "greeting", "bytes", "batch", "given", "taken", "nil"])
    func whoMayBeSilent(_ why: String) async throws {
        // Where it is the server that does something in time, a loaded machine takes its own.
        let patience = Duration.seconds(["message", "byte", "unread", "nil"].contains(why) ? 1 : 4)
        let options = SocketListenerOptions(handshakeDeadline: why == "nil" ? nil : patience)
        let listener = try SocketListener(
            at: .unix(abstract: "swift-ipc-silent-\(why)-\(ProcessFacts.processID)"), options: options)
        defer { listener.close() }
        let isBare = ["byte", "bytes"].contains(why)
        let client = try await SocketChannel.connect(
            to: listener.address, options: SocketOptions(framing: isBare ? .bytes : .messages))
        if ["message", "byte", "unread"].contains(why) { try await client.send([1]) }
        let accepted = try #require(try await listener.accept())
        if why == "taken" {
            let stream = try accepted.takeStream("take")
            try await Task.sleep(for: patience * 2)
            try await client.send([2])
            #expect(try PipeCalls.readiness(stream.number, for: .readable) == .readable)
            stream.endUse()
            stream.endUse()
            return
        }
        let connection = why == "given" ? try SocketConnection.receive(accepted.transfer()) : accepted
        let server = try connection.channel(options: SocketOptions(framing: isBare ? .bytes : .messages))
        switch why {
        case "message", "byte": #expect(try await server.receive() == [1])
        case "greeting", "bytes": try await server.send([3])
        case "batch": try await server.send(contentsOf: [[3], [4]])
        default: break
        }
        try await Task.sleep(for: patience * 2)
        if why == "unread" { #expect(try await server.receive() == [1]) }
        try await client.send([2])
        #expect(try await server.receive() == [2])
        try await server.send([5])
        if ["greeting", "bytes", "batch"].contains(why) { #expect(try await client.receive()?.first == 3) }
        #expect(Events.refusals(at: listener.address) == 0)
    }

    @Test func deadlineThatCannotBe() async throws {
        for deadline in [Duration.zero, .seconds(-1)] {
            let error = #expect(throws: IPCError.self) {
                try SocketListener(at: .tcp(port: 0), options: .init(handshakeDeadline: deadline))
            }
            #expect(error?.code == .invalidArgument)
        }
    }
}

/// As the guide has it, without a deadline of its own.
private func echo(_ connection: SocketConnection) async -> IPCError.Code? {
    do throws(IPCError) {
        let channel = try connection.channel()
        for try await message in channel.incoming { try await channel.send(message) }
        try await channel.finish()
        return nil
    } catch {
        return error.code
    }
}

/// How the server's connections ended; nil for as they should.
private final class Endings: Sendable {
    let all = Lock<[IPCError.Code?]>([])
}
