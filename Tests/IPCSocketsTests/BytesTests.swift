import IPCSockets
import TestSupport
import Testing

@Suite(.watched) struct BytesTests {
    @Test func halfClose() async throws {
        let (near, far) = try SocketConnection.makePair()
        let echo = Task {
            var all: [UInt8] = []
            while let bytes = try await far.read() { all += bytes }
            // The other direction still works after the end of this one.
            for piece in 0..<3 { try await far.write(all + [UInt8(piece)]) }
            try await far.finishWriting()
        }
        try await near.write([1, 2])
        try await near.write([3])
        try await near.finishWriting()
        var back: [UInt8] = []
        while let bytes = try await near.read(upTo: 2) {
            #expect(bytes.count <= 2)
            back += bytes
        }
        #expect(back == [1, 2, 3, 0, 1, 2, 3, 1, 1, 2, 3, 2])
        try await echo.value
        #expect(await failure { () async throws(IPCError) in try await near.write([4]) }?.code == .finished)
    }

    @Test func moreThanTheBufferHolds() async throws {
        let (near, far) = try SocketConnection.makePair()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let writing = Task {
            try await near.write(bytes)
            near.close()
        }
        var read: [UInt8] = []
        while let some = try await far.read(upTo: 100_000) { read += some }
        #expect(read == bytes)
        try await writing.value
    }

    @Test func deadlineAndCancelReadNothing() async throws {
        let (near, far) = try SocketConnection.makePair()
        #expect(
            await failure { () async throws(IPCError) in try await far.read(until: .after(.milliseconds(5))) }?.code
                == .timedOut)
        let waiting = Task { try await far.read() }
        try await Task.sleep(for: .milliseconds(5))
        waiting.cancel()
        await #expect(throws: IPCError.self) { try await waiting.value }
        try await near.write([5])
        #expect(try await far.read() == [5])
    }

    @Test func peerThatDidNotReadIsNoEnd() async throws {
        let (near, far) = try SocketConnection.makePair()
        try await near.write([1])
        try await far.write([2])
        far.close()
        #expect(try await near.read() == [2])
        #expect(await failure { () async throws(IPCError) in try await near.read() }?.code == .peerClosed)
    }

    @Test func oneUseOrTheOther() async throws {
        let (near, far) = try SocketConnection.makePair()
        try await near.write([1])
        let mixed = #expect(throws: IPCError.self) { try near.channel() }
        #expect(mixed?.code == .invalidArgument)
        let channel = try far.channel(options: SocketOptions(framing: .bytes))
        #expect(try await channel.receive() == [1])
        #expect(throws: IPCError.self) { try far.channel() }
        #expect(await failure { () async throws(IPCError) in try await far.read() }?.code == .invalidArgument)
        near.close()
        #expect(await failure { () async throws(IPCError) in try await near.read() }?.code == .closed)
        #expect(throws: IPCError.self) { try near.channel() }
        #expect(try await channel.receive() == nil)
        #expect(!channel.guarantees.preservesBoundaries)
    }

    @Test func badOptionsAreRefused() throws {
        for options in [
            SocketOptions(maximumDescriptors: 254), SocketOptions(maximumDescriptors: -1),
            SocketOptions(framing: .bytes, maximumDescriptors: 1), SocketOptions(maximumMessageSize: 0),
        ] {
            let error = #expect(throws: IPCError.self) { try SocketChannel.makePair(options: options) }
            #expect(error?.code == .invalidArgument)
        }
    }
}
