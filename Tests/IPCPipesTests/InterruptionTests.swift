import IPCPipes
import TestSupport
import Testing

/// Deadlines and cancellations at random instants: every message arrives once, whole and in order. F28.
@Suite(.watched) struct InterruptionTests {
    private struct Tally: Sendable {
        var interrupted = 0
        var received: [Int] = []
    }

    private static func message(_ number: Int, _ size: Int) -> [UInt8] {
        pattern(size, seed: number) + (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func number(of message: [UInt8]) throws -> Int {
        let number = message.suffix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        try #require(Array(message.dropLast(8)) == pattern(message.count - 8, seed: number))
        return number
    }

    private static func size(_ number: Int, largest: Int) -> Int {
        // Small ones, and ones that the pipe cannot hold, so that sends are interrupted inside a message.
        number % 3 == 0 ? (number &* 7919) % largest : number % 300
    }

    /// Repeats `body` with deadlines and cancellations until it is through. Returns how often it was interrupted.
    private static func insist<Value: Sendable>(
        _ random: inout SystemRandomNumberGenerator,
        _ body: @escaping @Sendable (Deadline) async throws -> Value
    ) async throws -> (value: Value, interrupted: Int) {
        for interrupted in 0..<100_000 {
            let microseconds = Int.random(in: 0..<300, using: &random)
            do {
                if Bool.random(using: &random) {
                    return (try await body(.after(.microseconds(microseconds))), interrupted)
                }
                let task = Task { try await body(.never) }
                try await Task.sleep(for: .microseconds(microseconds))
                task.cancel()
                return (try await task.value, interrupted)
            } catch let error as IPCError {
                try #require(error.code == .timedOut || error.code == .cancelled, "\(error)")
            }
        }
        Issue.record("never got through")
        throw IPCError(.timedOut, "never got through")
    }

    private static func exchange(_ count: Int, largest: Int, _ options: PipeOptions) async throws {
        let (reader, writer) = try AnonymousPipe.make(options: options)
        let sending = Task {
            var random = SystemRandomNumberGenerator()
            var interrupted = 0
            for number in 0..<count {
                let bytes = message(number, size(number, largest: largest))
                interrupted += try await insist(&random) { try await writer.send(bytes, until: $0) }.interrupted
            }
            interrupted += try await insist(&random) { try await writer.finish(until: $0) }.interrupted
            return interrupted
        }
        let receiving = Task {
            var random = SystemRandomNumberGenerator()
            var tally = Tally()
            while true {
                let (bytes, interrupted) = try await insist(&random) { try await reader.receive(until: $0) }
                tally.interrupted += interrupted
                guard let bytes else { return tally }
                tally.received.append(try number(of: bytes))
            }
        }
        let tally = try await receiving.value
        let interrupted = try await sending.value
        #expect(tally.received == Array(0..<count))
        #expect(tally.interrupted + interrupted > 0, "nothing was ever interrupted")
    }

    @Test func nothingIsLostOrDoubled() async throws {
        try await Self.exchange(600, largest: 300_000, PipeOptions())
    }

    @Test func nothingIsLostOrDoubledInASmallPipe() async throws {
        try await Self.exchange(600, largest: 40_000, PipeOptions(capacity: 4096))
    }

    @Test func nothingIsLostOrDoubledAmongManyWriters() async throws {
        try await Self.exchange(1500, largest: 4000, PipeOptions(framing: .messagesFromManyWriters, capacity: 4096))
    }

    @Test func nothingIsLostOrDoubledOnOurExecutor() async throws {
        await withIPCExecutor {
            // An error of the test is a failure of the test.
            do { try await Self.exchange(600, largest: 200_000, PipeOptions()) } catch { Issue.record(error) }
        }
    }

    @Test func messageThatHasBegunGoesOut() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        let large = pattern(1_000_000)
        // The pipe takes the beginning; the deadline passes; the send returns, for the message is on its way.
        try await writer.send(large, until: .after(.milliseconds(5)))
        // Until the rest is out nothing else begins.
        #expect(try writer.trySend([1]) == false)
        #expect(await code { try await writer.send([1], until: .after(.milliseconds(5))) } == .timedOut)
        let last = Task {
            try await writer.send([2])
            try await writer.finish()
        }
        #expect(try await reader.receive() == large)
        #expect(try await reader.receive() == [2])
        #expect(try await reader.receive() == nil)
        try await last.value
    }

    @Test func batchesSayHowManyWereSent() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        let messages = (0..<4000).map { Self.message($0, Self.size($0, largest: 50_000)) }
        let sending = Task {
            var random = SystemRandomNumberGenerator()
            var sent = 0
            while sent < messages.count {
                do throws(BatchError) {
                    let deadline = Deadline.after(.microseconds(Int.random(in: 0..<500, using: &random)))
                    try await writer.send(contentsOf: Array(messages[sent...]), until: deadline)
                    sent = messages.count
                } catch {
                    try #require(error.error.code == .timedOut, "\(error)")
                    sent += error.sentCount
                }
            }
            try await writer.finish()
        }
        var count = 0
        while let message = try await reader.receive() {
            try #require(message == messages[count])
            count += 1
        }
        #expect(count == messages.count)
        try await sending.value
    }

    @Test func closeDropsTheRestAndTearsNothingElse() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        #expect(try writer.trySend(pattern(1_000_000)))
        writer.close()
        #expect(await code { _ = try await reader.receive() } == .truncated)
        #expect(await code { _ = try await reader.receive() } == .truncated)
        #expect(await code { try await writer.send([1]) } == .closed)
        #expect(await code { try await writer.finish() } == .closed)
    }

    @Test func everyoneWhoWaitsIsTurnedAway() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        let readers = (0..<10).map { _ in Task { try await reader.receive() } }
        let filler = pattern(200_000)
        while try writer.trySend(filler) {}
        // The readers have had the first; what follows fills the pipe again.
        let (full, blocked) = try AnonymousPipe.make()
        _ = try blocked.trySend(filler)
        let writers = (0..<10).map { _ in Task { try await blocked.send(filler) } }
        let finishing = Task { try await blocked.finish() }
        try await Task.sleep(for: .milliseconds(50))
        reader.close()
        blocked.close()
        var outcomes: [IPCError.Code?] = []
        for task in readers { outcomes.append(await code { _ = try await task.value }) }
        #expect(outcomes.allSatisfy { $0 == nil || $0 == .closed })
        for task in writers { #expect(await code { try await task.value } == .closed) }
        #expect(await code { try await finishing.value } == .closed)
        withExtendedLifetime(full) {}
    }
}
