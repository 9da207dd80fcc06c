import IPCPipes
import IPCProcess
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct SpliceTests {
    private let bytes = PipeOptions(framing: .bytes)

    private func open(_ path: String, _ flags: FileCalls.Flags) throws -> PassedDescriptor {
        PassedDescriptor(owning: try FileCalls.open(path, flags).release())
    }

    private func contents(_ path: String) async throws -> [UInt8] {
        try await PipeReader(adopting: try open(path, .readOnly)).readToEnd(limit: 100_000_000)
    }

    private func movedCount(_ body: () async throws(SpliceError) -> Int) async -> (Int, IPCError.Code?) {
        do throws(SpliceError) { return (try await body(), nil) } catch {
            return (error.movedByteCount, error.error.code)
        }
    }

    @Test func fileThroughTwoPipesToFile() async throws {
        try await withFolder { folder in
            let data = pattern(5_000_000)
            let source = try PipeWriter(adopting: try open(folder + "/source", [.writeOnly, .create]))
            try await source.write(data)
            source.close()
            let (firstReader, firstWriter) = try AnonymousPipe.make(options: bytes)
            let (secondReader, secondWriter) = try AnonymousPipe.make(options: bytes)
            let input = try open(folder + "/source", .readOnly)
            let output = try open(folder + "/target", [.writeOnly, .create])
            async let read = {
                let count = try await firstWriter.splice(from: input)
                try await firstWriter.finish()
                return count
            }()
            async let passed = {
                let count = try await firstReader.splice(to: secondWriter)
                try await secondWriter.finish()
                return count
            }()
            #expect(try await secondReader.splice(to: output) == data.count)
            #expect(try await read == data.count)
            #expect(try await passed == data.count)
            #expect(try await firstReader.receive() == nil)
            #expect(try await contents(folder + "/target") == data)
        }
    }

    @Test func socketsOnBothSides() async throws {
        let incoming = try SocketCalls.makePair(.stream)
        let outgoing = try SocketCalls.makePair(.stream)
        let (reader, writer) = try AnonymousPipe.make(options: bytes)
        let feed = try PipeWriter(adopting: PassedDescriptor(owning: incoming.0))
        let drain = try PipeReader(adopting: PassedDescriptor(owning: outgoing.1))
        let data = pattern(3_000_000)
        async let fed: Void = {
            try await feed.write(data)
            feed.close()
        }()
        async let first = {
            let count = try await writer.splice(from: PassedDescriptor(owning: incoming.1))
            try await writer.finish()
            return count
        }()
        async let second = reader.splice(to: PassedDescriptor(owning: outgoing.0))
        #expect(try await drain.read(exactly: data.count) == data)
        try await fed
        #expect(try await first == data.count)
        #expect(try await second == data.count)
        #expect(try await drain.receive() == nil)
    }

    @Test func exactCounts() async throws {
        let (reader, feed) = try AnonymousPipe.make(options: bytes)
        let (drain, writer) = try AnonymousPipe.make(options: bytes)
        try await feed.write("0123456789")
        #expect(try await reader.splice(to: writer, byteCount: 0) == 0)
        #expect(try await reader.splice(to: writer, byteCount: 4) == 4)
        #expect(try await drain.receive() == Array("0123".utf8))
        // What was read and not delivered goes first.
        #expect(try await reader.read(exactly: 1) == Array("4".utf8))
        #expect(try reader.bytesAvailable == 0)
        try await feed.write("abc")
        feed.close()
        #expect(try await reader.splice(to: writer, byteCount: 3) == 3)
        #expect(try await reader.splice(to: writer) == 5)
        #expect(try await reader.splice(to: writer) == 0)
        #expect(try await reader.receive() == nil)
        writer.close()
        #expect(try await drain.readToEnd(limit: 100) == Array("56789abc".utf8))
    }

    @Test func interruptedMovesLoseNothing() async throws {
        let (reader, feed) = try AnonymousPipe.make(options: bytes)
        let (drain, writer) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes, capacity: 8192))
        let data = pattern(2_000_000)
        let feeding = Task {
            for start in stride(from: 0, to: data.count, by: 10_000) {
                try await feed.write(Array(data[start..<start + 10_000]))
                if start % 200_000 == 0 { try await Task.sleep(for: .milliseconds(1)) }
            }
            feed.close()
        }
        let draining = Task { try await drain.readToEnd(limit: data.count) }
        var (moved, interrupted) = (0, 0)
        for round in 0..<1_000_000 where moved < data.count {
            let task = Task {
                await movedCount { () async throws(SpliceError) in
                    try await reader.splice(to: writer, until: .after(.microseconds(round * 37 % 400)))
                }
            }
            if round % 2 == 0 {
                try await Task.sleep(for: .microseconds(round % 300))
                task.cancel()
            }
            let (count, code) = await task.value
            moved += count
            if code != nil { interrupted += 1 }
            try #require([nil, .timedOut, .cancelled].contains(code))
        }
        #expect(moved == data.count)
        #expect(interrupted > 0)
        writer.close()
        #expect(try await draining.value == data)
        try await feeding.value
    }

    @Test func waitsForBothSidesAndGivesUp() async throws {
        let (reader, feed) = try AnonymousPipe.make(options: bytes)
        let (drain, writer) = try AnonymousPipe.make(options: bytes)
        let deadline = { Deadline.after(.milliseconds(30)) }
        #expect(
            await movedCount { () async throws(SpliceError) in
                try await reader.splice(to: writer, until: deadline())
            } == (0, .timedOut))
        while try writer.trySend(pattern(4096)) {}
        try await feed.write("abc")
        #expect(
            await movedCount { () async throws(SpliceError) in
                try await reader.splice(to: writer, until: deadline())
            } == (0, .timedOut))
        let moving = Task { await movedCount { () async throws(SpliceError) in try await reader.splice(to: writer) } }
        try await Task.sleep(for: .milliseconds(20))
        _ = try await drain.read(exactly: 65536)
        #expect(try await drain.receive() == Array("abc".utf8))
        reader.close()
        #expect(await moving.value == (3, .closed))
        withExtendedLifetime(feed) {}
    }

    @Test func closeOfTheTargetEndsTheWait() async throws {
        let (reader, feed) = try AnonymousPipe.make(options: bytes)
        let (drain, writer) = try AnonymousPipe.make(options: bytes)
        let moving = Task { await movedCount { () async throws(SpliceError) in try await reader.splice(to: writer) } }
        try await Task.sleep(for: .milliseconds(20))
        writer.close()
        #expect(await moving.value == (0, .closed))
        try await feed.write("abc")
        #expect(try await reader.receive() == Array("abc".utf8), "the source is as it was")
        withExtendedLifetime(drain) {}
    }

    @Test func whatCannotBeMovedIsATypedError() async throws {
        try await withFolder { folder in
            let (reader, feed) = try AnonymousPipe.make(options: bytes)
            try await feed.write("abc")
            let appending = try open(folder + "/file", [.writeOnly, .create, .append])
            #expect(await code { _ = try await reader.splice(to: appending) } == .unsupported)
            let readOnly = try open(folder + "/file", .readOnly)
            #expect(await code { _ = try await reader.splice(to: readOnly) } == .invalidArgument)
            let taken = try open(folder + "/file", .readOnly)
            closeDescriptor(try #require(taken.take()))
            #expect(await code { _ = try await reader.splice(to: taken) } == .invalidArgument)
            let (framed, framedWriter) = try AnonymousPipe.make()
            #expect(await code { _ = try await reader.splice(to: framedWriter) } == .invalidArgument)
            #expect(await code { _ = try await framed.splice(to: feed) } == .invalidArgument)
            #expect(await code { _ = try await framed.tee(to: feed) } == .invalidArgument)
            #expect(await code { _ = try await reader.splice(to: feed, byteCount: -1) } == .invalidArgument)
            #expect(try await reader.receive() == Array("abc".utf8))
            let nothing = try open("/dev/null", .writeOnly)
            try await feed.write("gone")
            feed.close()
            #expect(try await reader.splice(to: nothing) == 4)
        }
    }

    @Test func fifoThatHasHadNoWriterIsWaitedFor() async throws {
        try await withFolder { folder in
            let pipe = try NamedPipe(folder + "/fifo", .create)
            let reader = try pipe.openReader(options: bytes)
            let (drain, writer) = try AnonymousPipe.make(options: bytes)
            let moving = Task { try await reader.splice(to: writer) }
            try await Task.sleep(for: .milliseconds(20))
            _ = try await shell("echo hello > \"$1\"", pipe.path).output().checked()
            #expect(try await moving.value == 6)
            #expect(try await drain.receive() == Array("hello\n".utf8))
        }
    }

    @Test func teeDuplicates() async throws {
        let (reader, feed) = try AnonymousPipe.make(options: bytes)
        let (copy, copyWriter) = try AnonymousPipe.make(options: bytes)
        let (rest, restWriter) = try AnonymousPipe.make(options: bytes)
        let data = pattern(1_000_000)
        async let fed: Void = {
            try await feed.write(data)
            feed.close()
        }()
        async let copied = copy.readToEnd(limit: data.count)
        async let passed = rest.readToEnd(limit: data.count)
        var total = 0
        for _ in 0..<data.count {
            let count = try await reader.tee(to: copyWriter)
            if count == 0 { break }
            #expect(try await reader.splice(to: restWriter, byteCount: count) == count)
            total += count
        }
        copyWriter.close()
        restWriter.close()
        try await fed
        #expect(total == data.count)
        #expect(try await copied == data)
        #expect(try await passed == data)
    }
}
