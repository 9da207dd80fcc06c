import IPCTestKit
import Testing

/// What the conformance suite does not ask of the in-process pair.
@Suite struct InProcessChannelTests {
    @Test func whatWaitsForRoomComesBeforeTheEnd() async throws {
        let (near, far) = InProcessChannel.makePair(capacity: 1)
        try await near.send([0])
        let waiting = (1...3).map { number in
            Task {
                // One after the other, so that their order is known.
                try await Task.sleep(for: .milliseconds(number * 30))
                try await near.send([UInt8(number)])
            }
        }
        try await Task.sleep(for: .milliseconds(300))
        try await near.finish()
        var received: [[UInt8]] = []
        for try await message in far.incoming { received.append(message) }
        for task in waiting { try await task.value }
        #expect(received == [[0], [1], [2], [3]])
    }

    @Test func lettingGoOfAnEndClosesIt() async throws {
        var pair: (near: InProcessChannel?, far: InProcessChannel)? = InProcessChannel.makePair()
        let far = try #require(pair?.far)
        try await #require(pair?.near).send([1])
        pair?.near = nil
        #expect(try await far.receive() == [1])
        await #expect(throws: IPCError.self) { try await far.receive() }
        #expect(throws: IPCError.self) { try far.trySend([1]) }
        pair = nil
    }

    @Test func finishAfterCloseIsRefused() async throws {
        let (near, far) = InProcessChannel.makePair()
        near.close()
        let error = await #expect(throws: IPCError.self) { try await near.finish() }
        #expect(error?.code == .closed)
        far.close()
    }

    @Test func anErrorSaysWhatToDo() async throws {
        let (near, far) = InProcessChannel.makePair(maximumMessageSize: 10)
        let error = await #expect(throws: IPCError.self) { try await near.send([UInt8](repeating: 0, count: 11)) }
        #expect(error?.message.contains("11 bytes is above the limit of 10") == true)
        withExtendedLifetime(far) {}
    }
}
