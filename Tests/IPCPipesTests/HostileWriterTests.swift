import IPCPipes
import IPCProcess
import TestSupport
import Testing

/// Bytes that no writer of this library sends. F19, F20.
@Suite(.watched) struct HostileWriterTests {
    private static let limit = 1000

    private func receive(
        _ bytes: [UInt8], limit: Int = limit, framing: PipeFraming = .messages, close: Bool = false
    ) async throws -> (messages: [[UInt8]], code: IPCError.Code?, text: String) {
        let (reader, raw) = try makeRawWriterPipe(PipeOptions(framing: framing, maximumMessageSize: limit))
        try await raw.write(bytes)
        if close { raw.close() }
        var messages: [[UInt8]] = []
        do {
            while let message = try await reader.receive(until: .after(.milliseconds(close ? 10_000 : 20))) {
                messages.append(message)
            }
            return (messages, nil, "")
        } catch {
            if error.code != .timedOut {
                // What ended the stream stays.
                #expect(await code { _ = try await reader.receive() } == error.code)
            }
            return (messages, error.code, error.message)
        }
    }

    @Test func lengthsWithinTheLimit() async throws {
        for length in [0, 1, Self.limit] {
            let payload = pattern(length)
            let result = try await receive(hello() + frame(payload))
            #expect(result.messages == [payload])
            #expect(result.code == .timedOut)
        }
    }

    @Test(arguments: [1001, 1 << 31, (1 << 32) - 1, 1 << 62, 1 << 63, .max - 15, .max] as [UInt64])
    func lengthsAboveTheLimit(_ length: UInt64) async throws {
        for framing in [PipeFraming.messages, .messagesFromManyWriters] {
            let result = try await receive(hello() + frame([], length: length), framing: framing)
            #expect(result.messages.isEmpty)
            #expect(result.code == .messageTooLarge)
            #expect(result.text.contains("\(Self.limit)"), "the error does not name the limit")
        }
    }

    @Test(arguments: [1 << 31, 1 << 62, (1 << 63) - 16, (1 << 63) - 1, 1 << 63, .max] as [UInt64])
    func noLimitAtAllIsNoTrap(_ length: UInt64) async throws {
        let result = try await receive(hello() + frame(pattern(50_000), length: length), limit: .max)
        #expect(result.messages.isEmpty)
        #expect(result.code == .messageTooLarge || result.code == .timedOut)
    }

    /// In a process of its own, where nobody else takes memory.
    @Test func announcedIsNotAllocated() async throws {
        let output = try await Command(.path(helperPath), "pipe-announced").output()
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    @Test func anotherProtocol() async throws {
        #expect(try await receive(hello(magic: "swiftIPX")).code == .wrongMagic)
        #expect(try await receive(Array("GET / HTTP/1.1\r\n\r\n".utf8)).code == .wrongMagic)
        #expect(try await receive(frame([1, 2, 3])).code == .wrongMagic)
        #expect(try await receive(hello(version: 2)).code == .wrongVersion)
        #expect(try await receive(hello(version: 0)).code == .wrongVersion)
        #expect(try await receive(hello() + frame([1], kind: 0)).code == .protocolViolation)
        #expect(try await receive(hello() + frame([1], kind: 3)).code == .protocolViolation)
        #expect(try await receive(hello() + frame([1], flags: 1)).code == .protocolViolation)
        #expect(try await receive(hello() + frame([1], kind: 2)).code == .protocolViolation)
        #expect(try await receive(hello() + hello()).code != nil)
        var descriptors = frame([1])
        descriptors[10] = 1
        #expect(try await receive(hello() + descriptors).code == .protocolViolation)
    }

    @Test func garbage() async throws {
        var random = SystemRandomNumberGenerator()
        let allowed: Set<IPCError.Code?> = [
            nil, .wrongMagic, .wrongVersion, .messageTooLarge, .protocolViolation, .truncated, .peerClosed,
        ]
        for round in 0..<1500 {
            var bytes = hello() + frame(pattern(20)) + frame([]) + frame([], kind: 2)
            switch round % 3 {
            case 0:
                bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            case 1: bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            default: bytes = Array(bytes.shuffled(using: &random).prefix(.random(in: 0..<bytes.count, using: &random)))
            }
            let framing: PipeFraming = round % 2 == 0 ? .messages : .messagesFromManyWriters
            let result = try await receive(bytes, framing: framing, close: true)
            #expect(allowed.contains(result.code), "\(bytes) gave \(String(describing: result.code))")
        }
    }

    // MARK: Cut anywhere

    /// What must come of the first `count` bytes of two messages and an end.
    private func expectation(_ count: Int, _ messages: [[UInt8]]) -> (messages: [[UInt8]], code: IPCError.Code?) {
        let ends = messages.reduce(into: [16]) { ends, message in ends.append(ends.last! + 16 + message.count) }
        let whole = messages.indices.filter { ends[$0 + 1] <= count }.map { messages[$0] }
        if count == ends.last! + 16 { return (whole, nil) }
        return (whole, count == 0 || ends.contains(count) ? .peerClosed : .truncated)
    }

    @Test func streamThatIsCutAfterEveryByte() async throws {
        let messages = [pattern(5), [], pattern(7, seed: 3)]
        let bytes = hello() + messages.flatMap { frame($0) } + frame([], kind: 2)
        for framing in [PipeFraming.messages, .messagesFromManyWriters] {
            for count in 0...bytes.count {
                let result = try await receive(Array(bytes[..<count]), framing: framing, close: true)
                let expected = expectation(count, messages)
                #expect(result.messages == expected.messages, "cut after \(count) bytes")
                #expect(result.code == expected.code, "cut after \(count) bytes")
            }
        }
    }

    @Test func writerThatIsKilledAfterEveryByte() async throws {
        let messages = [pattern(5)]
        let bytes = hello() + messages.flatMap { frame($0) } + frame([], kind: 2)
        for count in 0...bytes.count {
            let text = bytes[..<count].map { "\\0" + String($0, radix: 8) }.joined()
            let child = try await ChildProcess.spawn(
                "sh", arguments: ["-c", "printf '%b' \"$1\"; kill -9 $$", "sh", text],
                options: .init(standardOutput: .pipe))
            // The same pipe, read as messages.
            let reader = try PipeReader.receive(
                try messagesOverBytes(try child.standardOutput.transfer()))
            var received: [[UInt8]] = []
            let found = await code {
                while let message = try await reader.receive() { received.append(message) }
            }
            let expected = expectation(count, messages)
            #expect(received == expected.messages, "killed after \(count) bytes")
            #expect(found == expected.code, "killed after \(count) bytes")
            #expect(try await child.exitStatus() == .signaled(.kill, coreDumped: false))
        }
    }

    private func messagesOverBytes(_ given: TransferredDescriptors) throws -> TransferredDescriptors {
        let reader = try PipeReader(adopting: given.descriptors[0], options: PipeOptions())
        return try reader.transfer()
    }
}
