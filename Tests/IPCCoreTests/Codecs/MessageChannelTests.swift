import IPCCore
import IPCSystem
import TestSupport
import Testing

/// A channel of bytes that hands its messages back to itself and never waits: `receive` on an empty one times out.
private final class LoopbackChannel: ByteChannel, Sendable {
    private struct State {
        var messages: [[UInt8]] = []
        var isFinished = false
        var isClosed = false
    }

    private let state = Lock(State())
    let guarantees: ChannelGuarantees
    private let capacity: Int

    init(capacity: Int = .max, preservesBoundaries: Bool = true) {
        self.capacity = capacity
        guarantees = ChannelGuarantees(preservesBoundaries: preservesBoundaries, maximumMessageSize: 1 << 20)
    }

    var pending: [[UInt8]] { state.withLock { $0.messages } }

    func close() { state.withLock { $0.isClosed = true } }

    func finish(until deadline: Deadline) async throws(IPCError) { state.withLock { $0.isFinished = true } }

    func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        let message = [UInt8](bytes)
        return try state.withLock { state throws(IPCError) in
            guard !state.isClosed else { throw IPCError(.closed, "closed") }
            guard !state.isFinished else { throw IPCError(.finished, "finished") }
            guard message.count <= guarantees.maximumMessageSize else { throw IPCError(.messageTooLarge, "too large") }
            guard state.messages.count < capacity else { return false }
            state.messages.append(message)
            return true
        }
    }

    func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        guard try trySend(bytes) else { throw IPCError(.timedOut, "full") }
    }

    func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        throw .channel(IPCError(.unsupported, "not needed here"))
    }

    func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        throw BatchError(sentCount: 0, error: IPCError(.unsupported, "not needed here"))
    }

    func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let (message, isFinished, isClosed) = state.withLock { state in
            (state.messages.isEmpty ? nil : state.messages.removeFirst(), state.isFinished, state.isClosed)
        }
        guard !isClosed else { throw .channel(IPCError(.closed, "closed")) }
        guard let message else { return isFinished ? .finished : .empty }
        do {
            return .message(try unsafe body(message.span.bytes))
        } catch {
            throw .body(error)
        }
    }

    func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        switch try tryReceive(body) {
        case .message(let result): return result
        case .finished: return nil
        case .empty: throw .channel(IPCError(.timedOut, "nothing there"))
        }
    }

    func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        throw IPCError(.unsupported, "not needed here")
    }
}

@Suite(.watched) struct MessageChannelTests {
    private struct Ping: Codable, Sendable, Equatable { var number: Int }
    private struct Pong: Codable, Sendable, Equatable { var text: String }

    @Test func eachCodecIsChosenByItsName() async throws {
        let bytes = LoopbackChannel()
        let binary = bytes.messages(sending: Ping.self, receiving: Ping.self, using: .binary)
        try await binary.send(Ping(number: 7))
        #expect(try await binary.receive() == Ping(number: 7))

        let plain = bytes.messages(sending: UInt32.self, receiving: SIMD4<UInt8>.self, using: .plainData)
        try await plain.send(0x0403_0201)
        #expect(try await plain.receive() == SIMD4(1, 2, 3, 4))

        let raw = bytes.messages(sending: [UInt8].self, receiving: [UInt8].self, using: .bytes)
        try await raw.send([1, 2])
        #expect(try await raw.receive() == [1, 2])
        try await raw.send([])
        #expect(try await raw.receive() == [])
    }

    @Test func worksOverAnyChannelAndIsAChannel() async throws {
        let bytes: any ByteChannel = LoopbackChannel()
        let channel: any Channel<Pong, Ping> = bytes.messages(sending: Ping.self, receiving: Pong.self, using: .binary)
        // The same fields, so that one can be read as the other where it matters not.
        try await channel.send(Ping(number: 1))
        let error = await #expect(throws: IPCError.self) { try await channel.receive() }
        #expect(error?.code == .decodingFailed)
        #expect(channel.guarantees.maximumMessageSize == 1 << 20)
    }

    @Test func aCodecOfOnesOwn() async throws {
        let reversing = MessageCodec<String, String>(
            encode: { (message: String, buffer: inout MessageBuffer) throws(IPCError) in
                for byte in message.utf8.reversed() { buffer.append(byte) }
            },
            decode: { (bytes: RawSpan) throws(IPCError) -> String in
                String(decoding: [UInt8](bytes).reversed(), as: UTF8.self)
            })
        let bytes = LoopbackChannel()
        let channel = bytes.messages(sending: String.self, receiving: String.self, using: reversing)
        try await channel.send("abc")
        #expect(bytes.pending == [Array("cba".utf8)])
        #expect(try await channel.receive() == "abc")
    }

    @Test func oneWayEnds() async throws {
        let bytes = LoopbackChannel()
        let sender: any SendChannel<Ping> = bytes.messages(sending: Ping.self, using: .binary)
        let receiver: any ReceiveChannel<Ping> = bytes.messages(receiving: Ping.self, using: .binary)
        for number in 0..<5 { try await sender.send(Ping(number: number)) }
        try await sender.finish()
        var numbers: [Int] = []
        for try await ping in receiver.incoming { numbers.append(ping.number) }
        #expect(numbers == [0, 1, 2, 3, 4])
        #expect(try receiver.tryReceive() == .finished)
        sender.close()
        #expect(throws: IPCError.self) { try receiver.tryReceive() }
    }

    @Test func aMessageThatIsNoneIsConsumedAndTheChannelGoesOn() async throws {
        let bytes = LoopbackChannel()
        let channel = bytes.messages(sending: Ping.self, receiving: Ping.self, using: .binary)
        try await channel.send(Ping(number: 1))
        try await unsafe bytes.send([0xFF, 0xFF].span.bytes)
        try await unsafe bytes.send([1, 0xD6, 0xFF, 0xFF, 0xFF, 0xFF].span.bytes)
        try await channel.send(Ping(number: 2))
        #expect(try await channel.receive() == Ping(number: 1))
        await #expect(throws: IPCError.self) { try await channel.receive() }
        #expect(throws: IPCError.self) { try channel.tryReceive() }
        #expect(try channel.tryReceive() == .message(Ping(number: 2)))
        #expect(try channel.tryReceive() == .empty)
    }

    @Test func aMessageThatCannotBeEncodedSendsNothing() async throws {
        struct Refuses: Codable, Sendable {
            func encode(to encoder: any Encoder) throws { throw IPCError(.permissionDenied, "not this one") }
        }
        let bytes = LoopbackChannel()
        let channel = bytes.messages(sending: Refuses.self, receiving: Int.self, using: .binary)
        await #expect(throws: IPCError(.permissionDenied, "not this one")) { try await channel.send(Refuses()) }
        #expect(throws: IPCError.self) { try channel.trySend(Refuses()) }
        #expect(bytes.pending.isEmpty)
    }

    @Test func fullFinishedAndTooLargeAreTheChannels() async throws {
        let bytes = LoopbackChannel(capacity: 1)
        let channel = bytes.messages(sending: String.self, receiving: String.self, using: .binary)
        #expect(try channel.trySend("one"))
        #expect(try !channel.trySend("two"))
        let tooLarge = await #expect(throws: IPCError.self) {
            try await channel.send(String(repeating: "x", count: 2 << 20))
        }
        #expect(tooLarge?.code == .messageTooLarge)
        try await channel.finish()
        let finished = await #expect(throws: IPCError.self) { try await channel.send("three") }
        #expect(finished?.code == .finished)
        #expect(try await channel.receive() == "one")
        #expect(try await channel.receive() == nil)
    }

    @Test func rawBytesWithoutBoundariesAreRefused() async throws {
        let bytes = LoopbackChannel(preservesBoundaries: false)
        let channel = bytes.messages(sending: Int.self, receiving: Int.self, using: .binary)
        let sending = await #expect(throws: IPCError.self) { try await channel.send(1) }
        #expect(sending?.code == .unsupported)
        let receiving = await #expect(throws: IPCError.self) { try await channel.receive() }
        #expect(receiving?.code == .unsupported)
    }

    @Test func manySendersAtOnce() async throws {
        let bytes = LoopbackChannel()
        let channel = bytes.messages(sending: Ping.self, receiving: Ping.self, using: .binary)
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for index in 0..<50 { try? await channel.send(Ping(number: sender * 1000 + index)) }
                }
            }
        }
        try await channel.finish()
        var seen: Set<Int> = []
        for try await ping in channel.incoming { seen.insert(ping.number) }
        #expect(seen.count == 400)
    }
}
