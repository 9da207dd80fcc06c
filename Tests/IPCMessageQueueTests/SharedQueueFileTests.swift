import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// What is in a file when the machine has stopped and started again: a copy of the file of a queue in use, in which the kernel's
/// boot identifier is another one.
@Suite(.watched) struct SharedQueueFileTests {
    private static let room = 100 * 128
    private static let options = SharedQueueOptions(
        capacity: .bounded(messages: 50, byteCount: room), maximumMessageSize: 3000, blockSize: 128)

    /// Copies the file as a machine that stops at this moment leaves it, and lets `change` do more harm.
    private func stop(_ path: String, _ copy: String, _ change: (SharedMemory) throws -> Void = { _ in }) async throws {
        let status = try await Command("cp", path, copy).output().status
        #expect(status.isSuccess)
        let region = try SharedMemory(at: .file(copy), .open)
        let boot = try KernelFacts.bootIdentifier()
        var found = 0
        for offset in stride(from: 0, to: region.byteCount - 15, by: 8)
        where try region.load(at: offset, as: UInt64.self) == boot.0
            && region.load(at: offset + 8, as: UInt64.self) == boot.1
        {
            try region.store(UInt64(4711), at: offset)
            found += 1
        }
        // The table of processes has it, and the queue.
        #expect(found == 2)
        try change(region)
    }

    /// Replaces the first byte of `text`, wherever it is.
    private func damage(_ text: String, in region: SharedMemory) throws {
        let bytes = Array(text.utf8)
        for offset in 0..<region.byteCount - bytes.count
        where try bytes.indices.allSatisfy({ try region.load(at: offset + $0, as: UInt8.self) == bytes[$0] }) {
            return try region.store(UInt8(ascii: "?"), at: offset)
        }
        Issue.record("\(text) is not in the file")
    }

    @Test func aQueueOutlivesARestart() async throws {
        try await withQueueFolder { folder in
            let (path, copy) = ("\(folder)/queue", "\(folder)/copy")
            let queue = try await SharedQueue(at: .file(path), options: Self.options)
            let large = [UInt8](repeating: 9, count: 3000)
            try await queue.send(QueueMessage("leased", priority: 9))
            try await queue.send(QueueMessage("received", priority: 8))
            try await queue.send(QueueMessage("kept", priority: 2, type: 5))
            try await queue.send(QueueMessage(payload: large))
            try await queue.send(QueueMessage("damaged-message"))
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["queue-lease", path],
                options: ChildProcess.Options(standardOutput: .pipe))
            #expect(try await child.standardOutput.readLine(until: soon) == "leased leased 1")
            #expect(try await queue.receive(.any, until: soon).text == "received")
            try await queue.flush()
            // Its processes live on, so their tokens look alive in the copy.
            try await stop(path, copy) { try damage("damaged-message", in: $0) }
            _ = try await child.kill()

            let again = try await SharedQueue(at: .file(copy), .open, until: soon)
            let status = try await again.status()
            #expect(
                status.depth == 3 && status.leased == 0 && status.unfinished == 0 && status.damaged == 1, "\(status)")
            let first = try await again.receive(.any, until: soon)
            #expect(first.text == "leased" && first.label.deliveryCount == 2)
            let second = try await again.receive(.any, until: soon)
            #expect(second.text == "kept" && second.type == 5 && second.label.deliveryCount == 1)
            #expect(try await again.receive(.any, until: soon).payload == large)
            #expect(try await again.status().freeByteCount == Self.room)
            // From now on it is looked through no more.
            try await again.send(QueueMessage("new"), until: soon)
            let third = try await SharedQueue(at: .file(copy), .open, until: soon)
            #expect(try await third.status().damaged == 1)
            #expect(try await third.receive(.any, until: soon).text == "new")
        }
    }

    /// The machine stopped while somebody had the lock, and the first page of the queue is older than its blocks.
    @Test func aRestartWithTheLockTaken() async throws {
        try await withQueueFolder { folder in
            let (path, copy) = ("\(folder)/queue", "\(folder)/copy")
            let queue = try await SharedQueue(at: .file(path), options: Self.options)
            for index in 0..<10 { try await queue.send(QueueMessage("\(index)", priority: index % 2)) }
            try await stop(path, copy) { region in
                let start = region.byteCount - (1024 + Self.room)
                // The lock, by the first process; the mask of priorities, the high water mark, messages, depth.
                try region.store(UInt64(1 | 1 << 16), at: start + 128)
                try region.store(UInt64(0), at: start + 304)
                try region.store(UInt32(2), at: start + 312)
                try region.store(UInt64(0), at: start + 264)
            }
            let again = try await SharedQueue(at: .file(copy), .open, until: soon)
            var found: [String] = []
            while let message = try again.tryReceive(.any) { found.append(message.text) }
            #expect(found == ["1", "3", "5", "7", "9", "0", "2", "4", "6", "8"])
            #expect(try await again.status().freeByteCount == Self.room)
            #expect(try await again.status().damaged == 0)
        }
    }
}
