import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// The helper program, which stands beside the test runner.
let helperPath: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
}()

@Suite(.watched) struct ManyWritersTests {
    private let options = PipeOptions(framing: .messagesFromManyWriters)

    /// Checks a message of the helper's, and that each writer's come in order. Returns the writer's number.
    private func check(_ message: [UInt8], _ next: inout [UInt8: Int]) throws {
        let number = message[0]
        let index = (0..<4).reduce(0) { $0 | Int(message[1 + $1]) << (8 * $1) }
        try #require(index == next[number, default: 0], "a message of writer \(number) is missing or out of order")
        try #require(message.count == 5 + (index &* 7919 &+ Int(number) &* 131) % 4060)
        try #require(message.dropFirst(5).allSatisfy { $0 == number }, "messages are mixed")
        next[number] = index + 1
    }

    private func run(_ endings: [String], count: Int) async throws -> (next: [UInt8: Int], code: IPCError.Code?) {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let reader = try pipe.openReader(options: options)
            // So that a writer that is early done does not leave the pipe without any.
            let holder = try #require(try pipe.tryOpenWriter(options: PipeOptions(framing: .bytes)))
            var children: [ChildProcess] = []
            for (number, ending) in endings.enumerated() {
                children.append(
                    try await ChildProcess.spawn(
                        .path(helperPath), arguments: ["pipe-writer", pipe.path, "\(number)", "\(count)", ending]))
            }
            var next: [UInt8: Int] = [:]
            for _ in 0..<endings.count * count { try check(try #require(try await reader.receive()), &next) }
            for child in children { _ = try await child.exitStatus() }
            holder.close()
            let code = await code { try #require(try await reader.receive() == nil) }
            return (next, code)
        }
    }

    @Test func processesDoNotMixTheirMessages() async throws {
        let result = try await run(["finish", "finish", "finish", "finish"], count: 2000)
        #expect(result.next == [0: 2000, 1: 2000, 2: 2000, 3: 2000])
        #expect(result.code == nil, "all have finished: the end")
    }

    @Test(arguments: ["close", "kill"]) func oneThatDiesIsNotAnEnd(_ ending: String) async throws {
        let result = try await run(["finish", ending, "finish"], count: 200)
        #expect(result.next == [0: 200, 1: 200, 2: 200])
        #expect(result.code == .peerClosed, "one has not finished")
    }

    @Test func duplicatedEndsAreWritersOfTheirOwn() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: options)
        let others = try (0..<3).map { _ in
            try PipeWriter(adopting: try PassedDescriptor(duplicating: writer.sender.stream.number), options: options)
        }
        let largest = pattern(4064)
        #expect(writer.guarantees.maximumMessageSize == 4064)
        for end in [writer] + others {
            Task {
                for _ in 0..<300 { try await end.send(largest) }
                try await end.finish()
            }
        }
        var count = 0
        while let message = try await reader.receive() {
            try #require(message == largest)
            count += 1
        }
        #expect(count == 1200)
    }

    @Test func aboveTheAtomicSizeNothingGoes() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: options)
        #expect(await code { try await writer.send(pattern(4065)) } == .messageTooLarge)
        #expect(await code { _ = try writer.trySend(pattern(4065)) } == .messageTooLarge)
        try await writer.send([])
        #expect(try await reader.receive() == [])
    }

    @Test func fullPipeTakesNoPartOfAMessage() async throws {
        let (reader, writer) = try AnonymousPipe.make(
            options:
                PipeOptions(framing: .messagesFromManyWriters, capacity: 8192))
        var sent = 0
        while try writer.trySend(pattern(3000, seed: sent)) { sent += 1 }
        #expect(sent == 2)
        #expect(try writer.bytesAvailable == 16 + 2 * (16 + 3000))
        #expect(await code { try await writer.send(pattern(3000), until: .after(.milliseconds(20))) } == .timedOut)
        for index in 0..<sent { #expect(try await reader.receive() == pattern(3000, seed: index)) }
        #expect(try reader.tryReceive() == .empty)
    }

    @Test func writerThatComesLateIsCountedToo() async throws {
        let (reader, first) = try AnonymousPipe.make(options: options)
        try await first.send([1])
        let second = try PipeWriter(
            adopting: try PassedDescriptor(duplicating: first.sender.stream.number), options: options)
        try await first.finish()
        #expect(try await reader.receive() == [1])
        #expect(try reader.tryReceive() == .empty, "the first has finished, the second has not")
        try await second.send([2])
        #expect(try await reader.receive() == [2])
        second.close()
        #expect(await code { _ = try await reader.receive() } == .peerClosed)
    }
}
