import IPCPipes
import IPCSystem
import TestSupport
import Testing

/// Descriptors that come and go under load: no byte reaches a reader that it was not meant for. F12.
@Suite(.watched) struct CloseRaceTests {
    private enum Outcome { case delivered, closed }

    /// One pipe with the number of its user in it, closed at some instant while a task reads.
    private static func cycle(_ id: UInt64, _ random: inout SystemRandomNumberGenerator) async throws -> Outcome {
        let (reader, writer) = try AnonymousPipe.make()
        let message = (0..<8).map { UInt8(truncatingIfNeeded: id >> (8 * UInt64($0))) }
        // A duplicate that outlives the reader, as one that a child holds would.
        let held = try Bool.random(using: &random) ? PassedDescriptor(duplicating: reader.receiver.stream.number) : nil
        let reading = Task { try await reader.receive() }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: reader.close()
        case 1:
            await Task.yield()
            reader.close()
        case 2: await Task.yield()
        default: break
        }
        _ = try? writer.trySend(message)
        if Bool.random(using: &random) { writer.close() }
        defer { withExtendedLifetime(held) {} }
        do {
            let received = try await reading.value
            try #require(received == message, "the bytes of somebody else")
            return .delivered
        } catch let error as IPCError {
            try #require(error.code == .closed, "\(error)")
            return .closed
        }
    }

    private static func storm(_ tasks: Int, _ cycles: Int) async throws -> (delivered: Int, closed: Int) {
        try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var random = SystemRandomNumberGenerator()
                    var (delivered, closed) = (0, 0)
                    for cycle in 0..<cycles {
                        switch try await Self.cycle(UInt64(task) << 32 | UInt64(cycle), &random) {
                        case .delivered: delivered += 1
                        case .closed: closed += 1
                        }
                    }
                    return (delivered, closed)
                }
            }
            return try await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
    }

    @Test func nobodyReadsWhatIsNotTheirs() async throws {
        let (delivered, closed) = try await Self.storm(200, 100)
        #expect(delivered + closed == 20_000)
        #expect(delivered > 1000)
        #expect(closed > 1000)
    }

    @Test func nobodyReadsWhatIsNotTheirsOnOurExecutor() async throws {
        await withIPCExecutor {
            do {
                let (delivered, closed) = try await Self.storm(200, 25)
                #expect(delivered + closed == 5000)
                #expect(delivered > 0 && closed > 0)
            } catch {
                Issue.record(error)
            }
        }
    }

    /// Writers that wait, and are closed while they do.
    @Test func writersToo() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<100 {
                group.addTask {
                    for cycle in 0..<40 {
                        let (reader, writer) = try AnonymousPipe.make(options: PipeOptions(capacity: 4096))
                        let id = UInt8(truncatingIfNeeded: task &* 40 &+ cycle)
                        let message = [UInt8](repeating: id, count: 20_000)
                        let sending = Task { try await writer.send(message) }
                        await Task.yield()
                        if cycle % 2 == 0 {
                            writer.close()
                            let sent = await code { try await sending.value }
                            try #require(sent == .closed || sent == nil)
                            var got: [UInt8]?
                            let outcome = await code { got = try await reader.receive() }
                            try #require(got == nil ? outcome != nil : got == message)
                        } else {
                            try #require(try await reader.receive() == message)
                            try await sending.value
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// What asks about a descriptor while it is closed gets an answer or an error, never another descriptor's answer.
    @Test func questionsAndCloses() async throws {
        for round in 0..<300 {
            let (reader, writer) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes, capacity: 16384))
            let asking = Task {
                for _ in 0..<50 {
                    do throws(IPCError) {
                        let capacity = try reader.capacity
                        #expect(capacity == 16384)
                    } catch {
                        #expect(error.code == .closed)
                    }
                    await Task.yield()
                }
            }
            if round % 2 == 0 { await Task.yield() }
            reader.close()
            // Takes the number over at once, with another capacity.
            let next = try AnonymousPipe.make(options: PipeOptions(framing: .bytes, capacity: 65536))
            await asking.value
            withExtendedLifetime((writer, next)) {}
        }
    }
}
