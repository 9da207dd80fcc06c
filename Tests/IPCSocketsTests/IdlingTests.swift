import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

/// Waiting for a message in a way that can be ended from outside.
@Suite(.watched) struct IdlingTests {
    private let (connection, peer): (SocketConnection, SocketConnection)

    init() throws { (connection, peer) = try SocketConnection.makePair() }

    @Test func firstBytesAreNotWaitedFor() async throws {
        connection.endIdling()
        #expect(try await connection.waitWhileIdle(until: .never))
        try await peer.write([1])
        #expect(try await connection.read() == [1])
        #expect(try await !connection.waitWhileIdle(until: .never))
    }

    @Test func whatIsThereIsThere() async throws {
        try await peer.write([1, 2])
        #expect(try await connection.read(upTo: 1) == [1])
        connection.endIdling()
        // Of what was read already.
        #expect(try await connection.waitWhileIdle(until: .never))
        #expect(try await connection.read() == [2])
        #expect(try await !connection.waitWhileIdle(until: .never))
        // Of what is in the socket.
        try await peer.write([3])
        #expect(try await connection.waitWhileIdle(until: .never))
        #expect(try await connection.waitWhileIdle(until: .never))
        #expect(try await connection.read() == [3])
        // An end is something to read as well.
        peer.close()
        #expect(try await connection.waitWhileIdle(until: .never))
        #expect(try await connection.read() == nil)
    }

    @Test func waitingEndsFromOutside() async throws {
        try await peer.write([1])
        _ = try await connection.read()
        let connection = connection
        for isLong in [false, true] {
            let waiting = Task { try await connection.waitWhileIdle(until: .never) }
            // Once while it is just beginning, and once when it has waited for a while.
            if isLong { try await Task.sleep(for: .milliseconds(100)) }
            if !isLong { try await peer.write([2]) } else { connection.endIdling() }
            #expect(try await waiting.value == !isLong)
            if !isLong { _ = try await connection.read() }
        }
        // Reading goes on as ever.
        let reading = Task { try await connection.read() }
        try await peer.write([3])
        #expect(try await reading.value == [3])
    }

    @Test func deadlineAndCancellationEndIt() async throws {
        try await peer.write([1])
        _ = try await connection.read()
        let connection = connection
        await #expect(throws: IPCError.self) {
            _ = try await connection.waitWhileIdle(until: .after(.milliseconds(20)))
        }
        let waiting = Task { try await connection.waitWhileIdle(until: .never) }
        waiting.cancel()
        await #expect(throws: IPCError.self) { _ = try await waiting.value }
        connection.close()
        await #expect(throws: IPCError.self) { _ = try await connection.waitWhileIdle(until: .never) }
    }

    @Test func messagesAreWaitedForTheSameWay() async throws {
        let (here, there) = (try connection.channel(), try peer.channel())
        connection.endIdling()
        for number in 0..<3 {
            try await there.send(Array(repeating: UInt8(number), count: 100_000 * number + 1))
            #expect(try await connection.waitWhileIdle(until: .never))
            #expect(try await here.receive()?.count == 100_000 * number + 1)
            #expect(try await !connection.waitWhileIdle(until: .never))
        }
        try await there.finish()
        #expect(try await connection.waitWhileIdle(until: .never))
        #expect(try await here.receive() == nil)
    }

    /// A message of which a part has come is waited for to its end.
    @Test func halfAMessageIsNotIdle() async throws {
        let here = try connection.channel()
        let frames = try await framesOfTwoMessages()
        try await peer.write(Array(frames[..<frames.count].dropLast(3)))
        _ = try await here.receive()
        connection.endIdling()
        #expect(try await connection.waitWhileIdle(until: .never))
        try await peer.write(Array(frames.suffix(3)))
        #expect(try await here.receive() == [4, 5, 6, 7])
        #expect(try await !connection.waitWhileIdle(until: .never))
    }

    /// What a channel writes for two messages.
    private func framesOfTwoMessages() async throws -> [UInt8] {
        let (first, second) = try SocketConnection.makePair()
        let channel = try first.channel()
        try await channel.send([1, 2, 3])
        try await channel.send([4, 5, 6, 7])
        channel.close()
        var bytes: [UInt8] = []
        while let part = try await second.read() { bytes += part }
        return bytes
    }
}
