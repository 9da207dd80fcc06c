import IPCMessageQueue
import IPCProcess
import IPCTestKit
import TestSupport
import Testing

/// SIGKILL at random instants: nothing torn, nothing twice, nothing lost but what a killed receiver had.
@Suite(.watched) struct KillTests {
    private func start(_ arguments: String..., output: ChildOutput = .inherit) async throws -> ChildProcess {
        try await ChildProcess.spawn(
            .path(helperPath), arguments: arguments, options: .init(standardOutput: output))
    }

    private func checkSenders(_ queue: some MessageQueue, _ address: String) async throws {
        var generator = SeededGenerator(seed: 0x51)
        var next: [Int: Int] = [:]
        func take(_ message: QueueMessage<[UInt8]>) throws {
            let record = try #require(NumberedRecord(message.payload), "a torn message")
            #expect(record.index == next[record.sender, default: 0])
            next[record.sender] = record.index + 1
        }
        for round in 0..<15 {
            let child = try await start("queue-stream", address, "\(round)", "1000000")
            // Behind what the last one has left comes what this one sends.
            while next[round] == nil { try take(try await queue.receive(.any, until: soon)) }
            let end = Deadline.after(.microseconds(Int.random(in: 0...20_000, using: &generator)))
            while !end.hasPassed { try take(try await queue.receive(.any, until: soon)) }
            _ = try await child.kill()
        }
        while let message = try queue.tryReceive(.any) { try take(message) }
        #expect(next.count == 15)
        // The room of the dead is there again.
        try await queue.send(QueueMessage("still"), until: soon)
        #expect(try await queue.receive(.any, until: soon).text == "still")
    }

    private func checkReceivers(_ queue: some MessageQueue, _ address: String) async throws {
        var generator = SeededGenerator(seed: 0x52)
        var seen: [Int] = []
        var sent = 0
        for _ in 0..<15 {
            let child = try await start("queue-collect", address, output: .pipe)
            let output = try child.standardOutput
            // It may be slow to start, and its queue be full until then: its time begins with what it receives first.
            try await queue.send(QueueMessage(payload: NumberedRecord(sender: 0, index: sent).bytes), until: soon)
            sent += 1
            let first = try #require(try await output.readLine(until: soon))
            let lines = Task {
                var lines = [first]
                while let line = try await output.readLine(until: soon) { lines.append(line) }
                return lines
            }
            let end = Deadline.after(.microseconds(Int.random(in: 5_000...40_000, using: &generator)))
            while !end.hasPassed {
                let record = NumberedRecord(sender: 0, index: sent)
                do throws(IPCError) {
                    try await queue.send(QueueMessage(payload: record.bytes), until: end)
                    sent += 1
                } catch {
                    guard error.code == .timedOut else { throw error }
                    break
                }
            }
            _ = try await child.kill()
            seen += try await lines.value.compactMap { Int($0.split(separator: " ").last ?? "") }
        }
        while let message = try queue.tryReceive(.any) {
            seen.append(try #require(NumberedRecord(message.payload), "a torn message").index)
        }
        #expect(Set(seen).count == seen.count, "a message twice")
        let missing = Set(0..<sent).subtracting(seen)
        // Each that was killed may have had one in its hands.
        #expect(missing.count <= 15 && sent > 15, "\(missing.count) of \(sent) are missing")
        #expect(try queue.depth == 0)
    }

    @Test func sendersOfPOSIXQueuesDie() async throws {
        try await withPOSIXQueue { queue, name in try await checkSenders(queue, name) }
    }

    @Test func receiversOfPOSIXQueuesDie() async throws {
        try await withPOSIXQueue { queue, name in try await checkReceivers(queue, name) }
    }

    @Test func sendersOfSystemVQueuesDie() async throws {
        try await withSystemVQueue { queue, key in try await checkSenders(queue, "\(key)") }
    }

    @Test func receiversOfSystemVQueuesDie() async throws {
        try await withSystemVQueue { queue, key in try await checkReceivers(queue, "\(key)") }
    }
}
