import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// What a shared queue holds, and what happens when it is full.
@Suite(.watched) struct SharedQueueRoomTests {
    @Test func aBoundedQueueCountsMessagesAndBytes() async throws {
        let options = SharedQueueOptions(
            capacity: .bounded(messages: 4, byteCount: 9 * 128), maximumMessageSize: 900, blockSize: 128)
        try await withSharedQueue(options) { queue, _ in
            for index in 0..<4 { #expect(try queue.trySend(QueueMessage("\(index)"))) }
            #expect(try !queue.trySend(QueueMessage("4")))
            #expect(await failure { try await queue.send(QueueMessage("4"), until: .now) }?.code == .timedOut)
            #expect(try await queue.purge() == 4)
            // Nine blocks: one message of 900 bytes takes them all, however few messages that is.
            #expect(try queue.trySend(QueueMessage(payload: [UInt8](repeating: 1, count: 900))))
            #expect(try !queue.trySend(QueueMessage("no block")))
            async let wide: Void = queue.send(QueueMessage(payload: [UInt8](repeating: 2, count: 900)), until: soon)
            async let narrow: Void = queue.send(QueueMessage("narrow"), until: soon)
            try await Task.sleep(for: .milliseconds(20))
            var sizes: [Int] = []
            for _ in 0..<3 { sizes.append(try await queue.receive(.any, until: soon).payload.count) }
            _ = try await (wide, narrow)
            #expect(sizes.sorted() == [6, 900, 900])
        }
    }

    @Test func aGrowingQueueTakesMemoryAsItComes() async throws {
        let options = SharedQueueOptions(capacity: .growing(maximumByteCount: 4 << 20), maximumMessageSize: 1000)
        try await withSharedQueue(options) { queue, place in
            let path = "/dev/shm/\(try #require(try SharedQueue.list().first { $0.place == place }).name)"
            let before = try FileCalls.status(at: path)
            #expect(before.allocatedByteCount < 1 << 20 && before.size > 4 << 20)
            var count = 0
            while try queue.trySend(QueueMessage(payload: [UInt8](repeating: 7, count: 150))) { count += 1 }
            #expect(count == (4 << 20) / 256)
            #expect(try FileCalls.status(at: path).allocatedByteCount >= 4 << 20)
            let other = try await SharedQueue(at: place, .open)
            #expect(try other.depth == count)
            #expect(try await other.purge() == count)
            #expect(try await queue.status().freeByteCount == 4 << 20)
        }
    }

    /// A file system in memory of 1 MiB, where there is a way to mount one.
    @Test func aFullFileSystemIsAnErrorAndNotASignal() async throws {
        try await withQueueFolder { folder in
            let mounted = try await Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder).output()
            guard mounted.status.isSuccess else {
                print("no file system of a test's own can be mounted here: \(mounted.errorText)")
                return
            }
            let wish = SharedQueueOptions(capacity: .growing(maximumByteCount: 8 << 20))
            let error = await failure { try await SharedQueue(at: .file("\(folder)/queue"), options: wish) }
            #expect(error?.code == .resourceExhausted, "\(error.map { "\($0)" } ?? "made")")
            _ = try await Command("umount", folder).output()
        }
    }

    @Test func aRendezvousReturnsWhenTheMessageIsTaken() async throws {
        try await withSharedQueue(SharedQueueOptions(capacity: .rendezvous)) { queue, place in
            let other = try await SharedQueue(at: place, .open)
            #expect(try !queue.trySend(QueueMessage("nobody")))
            #expect(
                await failure { try await queue.send(QueueMessage("late"), until: .after(.milliseconds(30))) }?.code
                    == .timedOut)
            #expect(try await other.status().depth == 0)
            let sender = Task { try await queue.send(QueueMessage("taken"), until: soon) }
            #expect(try await other.receive(.any, until: soon).text == "taken")
            try await sender.value
            let large = Task {
                try await queue.send(QueueMessage(payload: [UInt8](repeating: 3, count: 8000)), until: soon)
            }
            #expect(try await other.receive(.any, until: soon).payload.count == 8000)
            try await large.value
            let cancelled = Task { try await queue.send(QueueMessage("cancelled")) }
            try await Task.sleep(for: .milliseconds(20))
            cancelled.cancel()
            #expect(await failure { try await cancelled.value }?.code == .cancelled)
            #expect(try other.tryReceive() == .empty)
        }
    }

    /// Each message is received once and each send knows it, with deadlines at random instants.
    @Test func aRendezvousNeitherLosesNorInvents() async throws {
        try await withSharedQueue(SharedQueueOptions(capacity: .rendezvous)) { queue, place in
            let other = try await SharedQueue(at: place, .open)
            let receiver = Task { () -> Set<Int> in
                var found: Set<Int> = []
                while let message = try? await other.receive(.any, until: .after(.seconds(60))), message.text != "end" {
                    #expect(found.insert(Int(message.text)!).inserted)
                }
                return found
            }
            var sent: Set<Int> = []
            for index in 0..<2000 {
                let deadline = Deadline.after(.microseconds(Int.random(in: 0...100)))
                if (try? await queue.send(QueueMessage("\(index)"), until: deadline)) != nil { sent.insert(index) }
            }
            try await queue.send(QueueMessage("end"), until: soon)
            #expect(await receiver.value == sent)
        }
    }

    @Test func manySendersAndReceiversShareTheWork() async throws {
        try await withSharedQueue(SharedQueueOptions(capacity: .bounded(messages: 8), maximumMessageSize: 64)) {
            queue, place in
            let total = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let own = try await SharedQueue(at: place, .open)
                        for index in 1...500 { try await own.send(QueueMessage("\(index)"), until: soon) }
                        return 0
                    }
                    group.addTask {
                        let own = try await SharedQueue(at: place, .open)
                        var sum = 0
                        for _ in 0..<500 { sum += Int(try await own.receive(.any, until: soon).text)! }
                        return sum
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(total == 4 * 500 * 501 / 2)
            #expect(try queue.depth == 0)
        }
    }
}
