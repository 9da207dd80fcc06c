import IPCPipes
import IPCProcess
import TestSupport
import Testing

@Suite(.watched) struct ByteReadingTests {
    private func makePipe() throws -> (reader: PipeReader, writer: PipeWriter) {
        try AnonymousPipe.make(options: PipeOptions(framing: .bytes))
    }

    @Test func exactlySoMany() async throws {
        let (reader, writer) = try makePipe()
        try await writer.write("abcdefgh")
        #expect(try await reader.read(exactly: 0) == [])
        #expect(try await reader.read(exactly: 3) == Array("abc".utf8))
        // Not enough yet: nothing is consumed.
        #expect(await code { _ = try await reader.read(exactly: 6, until: .after(.milliseconds(20))) } == .timedOut)
        let waiting = Task { try await reader.read(exactly: 6) }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        #expect(await code { _ = try await waiting.value } == .cancelled)
        try await writer.write("i")
        #expect(try await reader.read(exactly: 6) == Array("defghi".utf8))
        try await writer.write("jk")
        writer.close()
        #expect(await code { _ = try await reader.read(exactly: 3) } == .truncated)
        #expect(try await reader.read(exactly: 2) == Array("jk".utf8))
        #expect(try await reader.read(exactly: 1) == nil)
        #expect(try await reader.receive() == nil)
        #expect(await code { _ = try await reader.read(exactly: -1) } == .invalidArgument)
    }

    @Test(arguments: [1, 2047, 2048, 2049, 65_536, 81_920, 300_000, 3_000_000])
    func exactlySoManyOfAnySize(_ count: Int) async throws {
        let (reader, writer) = try makePipe()
        let bytes = pattern(2 * count + 1)
        let sending = Task { try await writer.write(bytes) }
        #expect(try await reader.read(exactly: count) == Array(bytes[..<count]))
        #expect(try await reader.read(exactly: 1) == [bytes[count]])
        #expect(try await reader.read(exactly: count) == Array(bytes[(count + 1)...]))
        try await sending.value
    }

    @Test func toTheEnd() async throws {
        let (reader, writer) = try makePipe()
        let bytes = pattern(1_000_000)
        let sending = Task {
            try await writer.write(bytes)
            try await writer.finish()
        }
        #expect(try await reader.read(exactly: 10) == Array(bytes[..<10]))
        #expect(try await reader.readToEnd(limit: 2_000_000) == Array(bytes[10...]))
        #expect(try await reader.readToEnd(limit: 0) == [])
        try await sending.value
    }

    @Test func limitNamesItselfAndConsumesNothing() async throws {
        let (reader, writer) = try makePipe()
        try await writer.write("0123456789")
        writer.close()
        do {
            _ = try await reader.readToEnd(limit: 9)
            Issue.record("no error")
        } catch {
            #expect(error.code == .messageTooLarge)
            #expect(error.message.contains("9 bytes"))
        }
        #expect(try await reader.readToEnd(limit: 10) == Array("0123456789".utf8))
    }

    @Test func endlessWriterMeetsTheLimit() async throws {
        let yes = try await ChildProcess.spawn("yes", options: .init(standardOutput: .pipe))
        let reader = try yes.standardOutput
        #expect(await code { _ = try await reader.readToEnd(limit: 1 << 20) } == .messageTooLarge)
        reader.close()
        #expect(try await yes.exitStatus() != .exited(0))
    }

    @Test func linesAreCutAtNewlines() async throws {
        let (reader, writer) = try makePipe()
        try await writer.write("one\n\ntwo\r\nthr\u{e9}\u{1F600}e\nlast")
        writer.close()
        var lines: [String] = []
        for try await line in reader.lines { lines.append(line) }
        #expect(lines == ["one", "", "two", "thr\u{e9}\u{1F600}e", "last"])
        #expect(try await reader.readLine() == nil)
    }

    @Test func linesThatComeInPieces() async throws {
        let (reader, writer) = try makePipe()
        let text = (0..<3000).map { String(repeating: "x", count: $0 % 97) + "\($0)" }
        let bytes = Array((text.joined(separator: "\n") + "\n").utf8)
        let sending = Task {
            for start in stride(from: 0, to: bytes.count, by: 13) {
                try await writer.write(Array(bytes[start..<min(start + 13, bytes.count)]))
            }
            writer.close()
        }
        var lines: [String] = []
        for try await line in reader.lines { lines.append(line) }
        #expect(lines == text)
        try await sending.value
    }

    @Test func lineThatIsTooLongIsAnErrorAndStays() async throws {
        let (reader, writer) = try makePipe()
        try await writer.write("12345\n123456\n")
        #expect(try await reader.readLine(maximumLength: 5) == "12345")
        #expect(await code { _ = try await reader.readLine(maximumLength: 5) } == .messageTooLarge)
        #expect(try await reader.readLine(maximumLength: 6) == "123456")
        // Without a newline in sight it is known to be too long as well.
        try await writer.write("1234567")
        #expect(await code { _ = try await reader.readLine(maximumLength: 6) } == .messageTooLarge)
    }

    @Test func bytesThatAreNoTextAreRepaired() async throws {
        let (reader, writer) = try makePipe()
        try await writer.write([0x61, 0xff, 0x62, 0x0a])
        #expect(try await reader.readLine() == "a\u{fffd}b")
    }

    @Test func formsGoOnWithTheSameBytes() async throws {
        let (reader, writer) = try makePipe()
        try await writer.write("head\nbodytail")
        writer.close()
        #expect(try await reader.readLine() == "head")
        #expect(try await reader.read(exactly: 4) == Array("body".utf8))
        #expect(try await reader.receive() == Array("tail".utf8))
        #expect(try await reader.receive() == nil)
    }

    @Test func sharedLinesAreEachDeliveredOnce() async throws {
        let (reader, writer) = try makePipe()
        let sending = Task {
            for number in 0..<5000 { try await writer.write("\(number)\n") }
            writer.close()
        }
        let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var numbers: [Int] = []
                    for try await line in reader.lines { numbers.append(try #require(Int(line))) }
                    return numbers
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(numbers.sorted() == Array(0..<5000))
        try await sending.value
    }

    @Test func messagesAreNotBytes() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        try await writer.send([1])
        #expect(await code { _ = try await reader.read(exactly: 1) } == .invalidArgument)
        #expect(await code { _ = try await reader.readToEnd(limit: 1) } == .invalidArgument)
        #expect(try await reader.receive() == [1])
    }

    @Test func closeEndsTheWait() async throws {
        let (reader, writer) = try makePipe()
        let waiting = Task { try await reader.readLine() }
        try await Task.sleep(for: .milliseconds(20))
        reader.close()
        #expect(await code { _ = try await waiting.value } == .closed)
        #expect(await code { _ = try await reader.readLine() } == .closed)
        withExtendedLifetime(writer) {}
    }

    @Test func writeIsNotBoundToTheLargestMessage() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes, maximumMessageSize: 1000))
        let (first, second) = ([UInt8](repeating: 1, count: 50_500), [UInt8](repeating: 2, count: 50_500))
        let sending = Task {
            async let one: Void = writer.write(first)
            async let other: Void = writer.write(second)
            _ = try await (one, other)
            writer.close()
        }
        let bytes = try await reader.readToEnd(limit: 200_000)
        #expect(bytes == first + second || bytes == second + first)
        try await sending.value
    }
}
