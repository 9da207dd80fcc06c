import IPCMessageQueue
import IPCSharedMemory
import TestSupport
import Testing

@Suite(.watched) struct SharedQueueTests {
    @Test func prioritiesComeFirstAndOrderHoldsInside() async throws {
        try await withSharedQueue { queue, place in
            for (index, priority) in [0, 5, 63, 5, 0, 1, 63, 5].enumerated() {
                try await queue.send(QueueMessage("\(index)", priority: priority, type: index + 1), until: soon)
            }
            #expect(try queue.depth == 8)
            let other = try await SharedQueue(at: place, .open)
            var found: [String] = []
            while let message = try other.tryReceive(.any) {
                found.append(message.text)
                #expect(message.type == Int(message.text).map { $0 + 1 } && message.label.deliveryCount == 1)
            }
            #expect(found == ["2", "6", "1", "3", "7", "5", "0", "4"])
            #expect(try queue.depth == 0)
            #expect(!other.wasCreated && queue.wasCreated)
        }
    }

    @Test func selectionTakesWhatItNamesInTheQueuesOrder() async throws {
        try await withSharedQueue { queue, _ in
            for (text, type) in [("a", 3), ("b", 1), ("c", 2), ("d", 3), ("e", 1)] {
                try await queue.send(QueueMessage(text, type: type))
            }
            try await queue.send(QueueMessage("f", priority: 9, type: 2))
            #expect(try queue.tryReceive(.only(7)) == nil)
            #expect(try await queue.peek(.only(3))?.text == "a")
            #expect(try await queue.receive(.only(3)).text == "a")
            #expect(try await queue.receive(.lowest(upTo: 2)).text == "b")
            #expect(try await queue.receive(.anyExcept(2)).text == "d")
            #expect(try await queue.receive(.lowest(upTo: 3)).text == "e")
            #expect(try await queue.receive(.lowest(upTo: 3)).text == "f")
            #expect(try await queue.purge(.only(2)) == 1)
            #expect(try await queue.peek() == nil)
        }
    }

    /// Of two that wait, each for its type, each gets its own, whoever waited first.
    @Test func aWaiterForATypeIsWokenByItsType() async throws {
        try await withSharedQueue { queue, _ in
            async let second = queue.receive(.only(2), until: soon)
            async let first = queue.receive(.only(1), until: soon)
            async let any = queue.receive(.anyExcept(2), until: soon)
            try await Task.sleep(for: .milliseconds(20))
            for type in [1, 1, 2] { try await queue.send(QueueMessage("\(type)", type: type)) }
            let texts = try await [first.text, second.text, any.text]
            #expect(texts == ["1", "2", "1"])
        }
    }

    @Test func messagesOfEverySizeAreWhole() async throws {
        let options = SharedQueueOptions(
            capacity: .bounded(messages: 100, byteCount: 1 << 20), maximumMessageSize: 300_000, blockSize: 128)
        try await withSharedQueue(options) { queue, _ in
            for size in [0, 1, 63, 64, 65, 175, 176, 177, 4095, 4096, 4097, 100_000, 300_000] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 + size) }
                try await queue.send(QueueMessage(payload: bytes), until: soon)
                #expect(try await queue.peek()?.payload == bytes)
                let found = try await queue.receive(.any, until: soon)
                #expect(found.payload == bytes, "\(size) bytes")
            }
            let status = try await queue.status()
            #expect(status.depth == 0 && status.byteCount == 0 && status.unfinished == 0)
            #expect(status.freeByteCount == 1 << 20)
            let error = await failure {
                try await queue.send(QueueMessage(payload: [UInt8](repeating: 0, count: 300_001)))
            }
            #expect(error?.code == .messageTooLarge)
        }
    }

    @Test func wrongArgumentsAreTypedErrors() async throws {
        try await withSharedQueue { queue, place in
            for label in [
                QueueLabel(priority: 64), QueueLabel(priority: -1), QueueLabel(type: 0), QueueLabel(type: -1),
            ] {
                #expect(
                    await failure { try await queue.send(QueueMessage(payload: [], label: label)) }?.code
                        == .invalidArgument)
            }
            #expect(await failure { try queue.tryReceive(.only(0)) }?.code == .invalidArgument)
            #expect(await failure { try await queue.receive(.lowest(upTo: -1)) }?.code == .invalidArgument)
            #expect(await failure { try await SharedQueue(at: place, .create) }?.code == .alreadyExists)
            let missing = SharedMemoryPlace.named("ipc-test-nobody")
            #expect(await failure { try await SharedQueue(at: missing, .open) }?.code == .notFound)
            for name in ["", "a/b", ".hidden"] {
                #expect(await failure { try await SharedQueue(at: .named(name)) }?.code == .invalidName)
            }
            #expect(await failure { try await SharedQueue(at: .segment(key: 0x7777_0001)) }?.code == .unsupported)
            for options in [
                SharedQueueOptions(blockSize: 100), SharedQueueOptions(capacity: .bounded(messages: 0)),
                SharedQueueOptions(capacity: .growing(maximumByteCount: 1000)),
                SharedQueueOptions(maximumDeliveries: 0),
                SharedQueueOptions(maximumMessageSize: -1), SharedQueueOptions(maximumProcesses: 0),
            ] {
                #expect(
                    await failure { try await SharedQueue(options: options) }?.code == .invalidArgument, "\(options)")
            }
        }
    }

    @Test func finishAndCloseConcernOneObject() async throws {
        try await withSharedQueue(SharedQueueOptions(capacity: .bounded(messages: 1), maximumMessageSize: 64)) {
            queue, place in
            let other = try await SharedQueue(at: place, .open)
            try await queue.send(QueueMessage("1"))
            try await queue.finish()
            #expect(await failure { try await queue.send(QueueMessage("2")) }?.code == .finished)
            async let waits: Void = other.send(QueueMessage("3"), until: soon)
            #expect(try await queue.receive(.any, until: soon).text == "1")
            try await waits
            #expect(try await queue.receive(.any, until: soon).text == "3")
            async let closed = failure { try await other.receive(.any, until: soon) }
            try await Task.sleep(for: .milliseconds(20))
            other.close()
            other.close()
            #expect(await closed?.code == .closed)
            #expect(await failure { try other.trySend(QueueMessage("4")) }?.code == .closed)
            #expect(await failure { try other.depth }?.code == .closed)
            #expect(try queue.tryReceive() == .empty)
        }
    }

    @Test func batchesGoInOneTurn() async throws {
        try await withSharedQueue { queue, _ in
            let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
            try unsafe await queue.send(contentsOf: bytes.span.bytes, messageSize: 10, until: soon)
            #expect(try queue.depth == 100)
            var found: [UInt8] = []
            var messages = 0
            while found.count < 1000 {
                messages += try await queue.receive(.any, upTo: 30) { bytes, _ in
                    found += [UInt8](bytes)
                }
            }
            #expect(found == bytes && messages == 100)
        }
    }

    @Test func blockingFormsWaitForEachOther() async throws {
        try await withSharedQueue(SharedQueueOptions(capacity: .bounded(messages: 3), maximumMessageSize: 9000)) {
            queue, place in
            async let sum = onThread { () -> Int in
                var sum = 0
                for _ in 0..<200 { sum += (try? queue.receiveBlocking(until: soon).payload.count) ?? -1000 }
                return sum
            }
            try await onThread {
                for index in 0..<200 {
                    try? queue.sendBlocking(
                        QueueMessage(payload: [UInt8](repeating: 1, count: index % 2 == 0 ? 10 : 9000)), until: soon)
                }
            }
            #expect(try await sum == 100 * 9010)
            let code = try await onThread { () -> IPCError.Code? in
                do throws(IPCError) {
                    _ = try queue.receiveBlocking(until: .after(.milliseconds(20)))
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(code == .timedOut)
        }
    }

    /// Received and left are what was sent, whatever the instant of a cancellation or a deadline.
    @Test func cancelledAndExpiredReceivesLoseNothing() async throws {
        try await withSharedQueue(SharedQueueOptions(capacity: .bounded(messages: 16), maximumMessageSize: 64)) {
            queue, _ in
            let count = 20_000
            let sender = Task {
                for index in 0..<count { try await queue.send(QueueMessage("\(index)"), until: soon) }
            }
            var found: [Int] = []
            var attempts = 0
            while found.count < count {
                attempts += 1
                if attempts % 2 == 0 {
                    let deadline = Deadline.after(.microseconds(Int.random(in: 0...200)))
                    if let message = try? await queue.receive(.any, until: deadline) {
                        found.append(Int(message.text)!)
                    }
                } else {
                    let task = Task { try? await queue.receive(.any) }
                    if attempts % 4 == 1 { try await Task.sleep(for: .microseconds(Int.random(in: 0...200))) }
                    task.cancel()
                    if let message = await task.value { found.append(Int(message.text)!) }
                }
                try #require(attempts < 100 * count)
            }
            try await sender.value
            #expect(found == Array(0..<count))
            #expect(try queue.depth == 0)
        }
    }
}
