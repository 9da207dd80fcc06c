import IPCPipes
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct CapacityTests {
    private let bytes = PipeOptions(framing: .bytes)

    @Test func fillsAndDrains() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: bytes)
        #expect(try reader.capacity == 65536)
        #expect(try writer.capacity == 65536)
        for round in 0..<10 {
            var written = 0
            while try writer.trySend(pattern(4096, seed: round)) { written += 4096 }
            #expect(written == 65536)
            #expect(try reader.bytesAvailable == 65536)
            #expect(try writer.bytesAvailable == 65536)
            #expect(try writer.trySend([1]) == false)
            let drained = try await reader.read(exactly: 65536)
            #expect(drained == (0..<16).flatMap { _ in pattern(4096, seed: round) })
            #expect(try reader.bytesAvailable == 0)
            #expect(try reader.tryReceive() == .empty)
        }
    }

    @Test func changes() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: bytes)
        #expect(try reader.setCapacity(1 << 20) == 1 << 20)
        #expect(try writer.capacity == 1 << 20)
        #expect(try writer.setCapacity(5000) == 8192)
        #expect(try reader.capacity == 8192)
        #expect(try writer.trySend(pattern(8192)))
        #expect(await code { try writer.setCapacity(4096) } == .resourceExhausted)
        #expect(await code { try writer.setCapacity(-1) } == .invalidArgument)
        #expect(try AnonymousPipe.make(options: PipeOptions(capacity: 1 << 20)).writer.capacity == 1 << 20)
    }

    @Test func growthLetsAWaitingSenderGo() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: PipeOptions(framing: .bytes, capacity: 4096))
        #expect(try writer.trySend(pattern(4096)))
        let sending = Task { try await writer.send(pattern(4096)) }
        try await Task.sleep(for: .milliseconds(20))
        try reader.setCapacity(65536)
        try await sending.value
        #expect(try reader.bytesAvailable == 8192)
    }

    @Test func closedEndsHaveNone() async throws {
        let (reader, writer) = try AnonymousPipe.make(options: bytes)
        try await writer.finish()
        #expect(await code { _ = try writer.capacity } == .closed)
        reader.close()
        #expect(await code { _ = try reader.capacity } == .closed)
        #expect(await code { try reader.setCapacity(4096) } == .closed)
        #expect(await code { _ = try reader.bytesAvailable } == .closed)
    }

    @Test func fullPipeIsRefusedAndMemoryStaysFlat() async throws {
        let (reader, writer) = try AnonymousPipe.make()
        var accepted = 0
        while try writer.trySend(pattern(1000)) { accepted += 1 }
        // The kernel's 64 KiB, and nothing behind it but the rest of one message.
        #expect(accepted <= 65536 / 1016 + 1)
        for _ in 0..<200_000 where try writer.trySend(pattern(10)) { accepted += 1 }
        #expect(accepted <= 65536 / 1016 + 2)
        let suspended = Task { try await writer.send([9]) }
        for _ in 0..<accepted { #expect(try await reader.receive() != nil) }
        #expect(try await reader.receive() == [9])
        try await suspended.value
    }

    // MARK: Adopted descriptors

    @Test func adoptsWhatIsOpenForTheRightUse() async throws {
        let ends = try DescriptorCalls.makePipe()
        let reading = try PassedDescriptor(duplicating: ends.reading)
        let writing = PassedDescriptor(owning: ends.writing)
        closeDescriptor(ends.reading)
        #expect(await code { _ = try PipeWriter(adopting: try PassedDescriptor(duplicating: ends.writing)) } == nil)
        let reader = try PipeReader(adopting: reading)
        #expect(await code { _ = try PipeReader(adopting: reading) } == .invalidArgument)
        let wrong = try PassedDescriptor(duplicating: ends.writing)
        #expect(await code { _ = try PipeReader(adopting: wrong) } == .invalidArgument)
        let writer = try PipeWriter(adopting: writing)
        try await writer.write("adopted")
        writer.close()
        #expect(try await reader.readToEnd(limit: 100) == Array("adopted".utf8))
    }

    @Test func adoptsFiles() async throws {
        try await withFolder { folder in
            let path = folder + "/file"
            let file = try FileCalls.open(path, [.writeOnly, .create])
            let writer = try PipeWriter(adopting: PassedDescriptor(owning: file.release()))
            try await writer.write("one\ntwo\n")
            writer.close()
            let again = try FileCalls.open(path, .readOnly)
            let reader = try PipeReader(adopting: PassedDescriptor(owning: again.release()))
            var lines: [String] = []
            for try await line in reader.lines { lines.append(line) }
            #expect(lines == ["one", "two"])
            #expect(await code { _ = try reader.capacity } != nil)
        }
    }
}
