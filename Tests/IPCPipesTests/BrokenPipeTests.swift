import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// Nobody reads any more: an error, and neither a signal nor a trace of one. F8.
@Suite(.watched, .serialized) struct BrokenPipeTests {
    /// Signals blocked, ignored and caught on the thread that asks, as the kernel has them, and what is pending there.
    private static func signalState() throws -> [String] {
        let file = try FileCalls.open("/proc/thread-self/status", .readOnly)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while let count = try unsafe chunk.withUnsafeMutableBytes({
            try unsafe DescriptorCalls.read(file.number, into: $0)
        }),
            count > 0
        {
            text += chunk[..<count]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init).filter { line in
            ["SigIgn", "SigCgt", "SigBlk", "SigPnd", "ShdPnd"].contains { line.hasPrefix($0) }
        }
    }

    /// SIGPIPE is number 13: bit 12.
    private static func isSet(_ line: String) throws -> Bool {
        let bits = try #require(UInt64(line.split(separator: "\t").last ?? "", radix: 16))
        return bits & (1 << 12) != 0
    }

    private static func breakPipes(_ count: Int) throws {
        for index in 0..<count {
            let framing: PipeFraming = [.bytes, .messages, .messagesFromManyWriters][index % 3]
            let (reader, writer) = try AnonymousPipe.make(options: PipeOptions(framing: framing))
            reader.close()
            let size = index % 2 == 0 ? 3 : 3000
            #expect(try firstError { _ = try writer.trySend([UInt8](repeating: 1, count: size)) } == .peerClosed)
        }
    }

    /// Repeats `body` until it throws: see `eventualCode`.
    private static func firstError(_ body: () throws -> Void) throws -> IPCError.Code? {
        for _ in 0..<10_000_000 {
            do { try body() } catch { return (error as? IPCError)?.code }
        }
        throw IPCError(.timedOut, "it never threw")
    }

    private static func breakFIFOsAndSplices(_ count: Int) async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            for _ in 0..<count {
                let reader = try pipe.openReader()
                let writer = try await pipe.openWriter()
                reader.close()
                #expect(
                    try await eventualCode { try await writer.send([1], until: .after(.seconds(60))) } == .peerClosed)

                let bytes = PipeOptions(framing: .bytes)
                let (source, feed) = try AnonymousPipe.make(options: bytes)
                let (gone, target) = try AnonymousPipe.make(options: bytes)
                gone.close()
                try await feed.write("abc")
                #expect(try await eventualCode { _ = try await source.tee(to: target) } == .peerClosed)
                #expect(await code { _ = try await source.splice(to: target) } == .peerClosed)
                #expect(try await source.receive() == Array("abc".utf8))
            }
        }
    }

    @Test func onAPlainThread() async throws {
        let outcome = Lock<(before: [String], after: [String])?>(nil)
        let done = try AnonymousPipe.make()
        // A thread of the host's kind: SIGPIPE is not blocked on it.
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            do {
                try HostThread.start {
                    do {
                        let before = try Self.signalState()
                        try Self.breakPipes(100)
                        let after = try Self.signalState()
                        outcome.withLock { $0 = (before, after) }
                        continuation.resume()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        let (before, after) = try #require(outcome.withLock { $0 })
        // Other signals may be on their way to the process, SIGCHLD for one.
        #expect(before.filter { !$0.contains("Pnd") } == after.filter { !$0.contains("Pnd") })
        for line in before + after { #expect(try !Self.isSet(line), "\(line)") }
        withExtendedLifetime(done) {}
    }

    /// In a process of its own: other tests install handlers.
    @Test func onTheDefaultExecutor() async {
        await #expect(processExitsWith: .success) {
            let before = try BrokenPipeTests.signalState().filter { $0.hasPrefix("SigCgt") || $0.hasPrefix("SigIgn") }
            for line in before { #expect(try !BrokenPipeTests.isSet(line), "\(line)") }
            try BrokenPipeTests.breakPipes(100)
            try await BrokenPipeTests.breakFIFOsAndSplices(100)
            for _ in 0..<50 {
                let state = try BrokenPipeTests.signalState()
                // A thread of the pool that a worker's task started has the worker's mask. See `IPCExecutor`.
                for line in state where !line.hasPrefix("SigBlk") {
                    #expect(try !BrokenPipeTests.isSet(line), "\(line)")
                }
                #expect(state.filter { $0.hasPrefix("SigCgt") || $0.hasPrefix("SigIgn") } == before)
                await Task.yield()
            }
        }
    }

    /// A worker lets go of the mask, and of what broken pipes left, before it wakes a task of somebody else's executor:
    /// that may start a thread, which inherits it.
    @Test func workersDoNotHandTheirMaskOn() async throws {
        let inside = Lock<[String]>([])
        let after = Lock<[String]>([])
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            do {
                try SystemThread.start("worker") {
                    do {
                        let mask = try Self.signalState().first { $0.hasPrefix("SigBlk") } ?? ""
                        // What was blocked before stays so.
                        guard try !Self.isSet(mask) else { return continuation.resume() }
                        PipeSignalMask.block()
                        try Self.breakPipes(10)
                        PipeSignalMask.unblocked {
                            inside.withLock { $0 = (try? Self.signalState()) ?? [] }
                        }
                        let state = try Self.signalState()
                        after.withLock { $0 = state }
                        continuation.resume()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        let lines = inside.withLock { $0 }
        guard !lines.isEmpty else { return }
        #expect(lines.count == 5)
        for line in lines { #expect(try !Self.isSet(line), "\(line)") }
        let mask = try #require(after.withLock { $0 }.first { $0.hasPrefix("SigBlk") })
        #expect(try Self.isSet(mask))
    }

    /// In a process of its own: other tests install handlers.
    @Test func onOurExecutor() async {
        await #expect(processExitsWith: .success) {
            let before = try BrokenPipeTests.signalState().filter { $0.hasPrefix("SigCgt") || $0.hasPrefix("SigIgn") }
            try await withIPCExecutor {
                try BrokenPipeTests.breakPipes(100)
                try await BrokenPipeTests.breakFIFOsAndSplices(100)
            }
            let after = try BrokenPipeTests.signalState().filter { $0.hasPrefix("SigCgt") || $0.hasPrefix("SigIgn") }
            #expect(before == after)
        }
    }

    /// What happens to a real reader that dies, seen from a waiting writer.
    @Test func readerIsKilled() async throws {
        let sleeper = try await ChildProcess.spawn("sleep", arguments: ["100"], options: .init(standardInput: .pipe))
        let writer = try sleeper.standardInput
        let filling = Task { try await writer.write(pattern(1_000_000)) }
        try await Task.sleep(for: .milliseconds(50))
        try sleeper.send(.kill)
        #expect(await code { try await filling.value } == .peerClosed)
        #expect(try await eventualCode { try await writer.send([1]) } == .peerClosed)
        _ = try await sleeper.exitStatus()
    }
}
