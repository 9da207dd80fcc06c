import IPCTestKit
import TestSupport
import Testing

/// What the conformance suite does not ask of the in-process pair.
@Suite(.watched) struct InProcessChannelTests {
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

    @Test(arguments: [1, 2, 3, 4, Int.max - 1, .max]) func batchOfAnyMessageSize(size: Int) async throws {
        let (near, far) = InProcessChannel.makePair(maximumMessageSize: .max)
        let bytes: [UInt8] = [1, 2, 3]
        try unsafe await near.send(contentsOf: bytes.span.bytes, messageSize: size, until: .never)
        try await near.finish()
        var received: [[UInt8]] = []
        while try await far.receive(upTo: .max, until: .never, into: { received.append([UInt8]($0)) }) != nil {}
        #expect(received.flatMap { $0 } == bytes)
        #expect(received.map(\.count) == (size == 1 ? [1, 1, 1] : size == 2 ? [2, 1] : [3]))
    }
}
