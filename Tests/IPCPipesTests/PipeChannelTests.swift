import IPCPipes
import TestSupport
import Testing

@Suite(.watched) struct PipeChannelTests {
    @Test func messagesGoBothWaysWhole() async throws {
        let (near, far) = try PipeChannel.makePair()
        let sizes = [0, 1, 7, 1000, 1024, 4096, 65536, 300_000]
        let echo = Task {
            while let message = try await far.receive() { try await far.send(message) }
            try await far.finish()
        }
        for size in sizes {
            let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await near.send(message)
            #expect(try await near.receive() == message)
        }
        try await near.finish()
        #expect(try await near.receive() == nil)
        try await echo.value
    }

    @Test func batchesArrive() async throws {
        let (near, far) = try PipeChannel.makePair()
        let messages = (0..<10_000).map { index in
            [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index % 200)
        }
        let sending = Task {
            try await near.send(contentsOf: messages)
            try await near.finish()
        }
        var received: [[UInt8]] = []
        while try await far.receive(upTo: 64, into: &received) != nil {}
        #expect(received == messages)
        try await sending.value
    }

    @Test func closeIsDeathAndFinishIsNot() async throws {
        let (near, far) = try PipeChannel.makePair()
        try await near.send([1, 2, 3])
        near.close()
        #expect(try await far.receive() == [1, 2, 3])
        let error = await #expect(throws: IPCError.self) { try await far.receive() }
        #expect(error?.code == .peerClosed)
    }
}
