import IPCMessageQueue
import IPCProcess
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct SystemVQueueTests {
    @Test func receiversSelectByType() async throws {
        try await withSystemVQueue { queue, _ in
            func fill() async throws {
                for (text, type) in [("a", 1), ("b", 3), ("c", 2), ("d", 3), ("e", 1)] {
                    try await queue.send(QueueMessage(text, type: type), until: soon)
                }
            }
            func drain(_ selections: [QueueSelection]) throws -> [String] {
                try selections.map { try queue.tryReceive($0).map { "\($0.text)\($0.type)" } ?? "-" }
            }
            try await fill()
            #expect(
                try drain([.only(3), .only(3), .only(3), .any, .any, .any, .any]) == [
                    "b3", "d3", "-", "a1", "c2", "e1", "-",
                ])
            try await fill()
            #expect(
                try drain([.lowest(upTo: 2), .lowest(upTo: 3), .lowest(upTo: 2), .lowest(upTo: 2)]) == [
                    "a1", "e1", "c2", "-",
                ])
            #expect(try drain([.lowest(upTo: 9), .any]) == ["b3", "d3"])
            try await fill()
            #expect(
                try drain([.anyExcept(1), .anyExcept(3), .anyExcept(1), .anyExcept(1), .anyExcept(1)]) == [
                    "b3", "a1", "c2", "d3", "-",
                ])
            #expect(try await queue.receive(.only(1), until: soon).text == "e")
            #expect(try queue.depth == 0)
        }
    }

    @Test func bytesAndTypesArriveAsTheyWere() async throws {
        try await withSystemVQueue { queue, key in
            let other = try SystemVMessageQueue(key, .open)
            for (payload, type) in [([0, 1, 0, 255, 0], Int.max), ([], 5), ([UInt8](repeating: 0, count: 8192), 1)] {
                try await queue.send(QueueMessage(payload: payload, type: type), until: soon)
                let found = try await other.receive(.any, until: soon)
                #expect(found.payload == payload && found.type == type && !found.label.isTruncated)
            }
        }
    }

    @Test func oversizedMessagesAreRefusedOrCut() async throws {
        try await withSystemVQueue { queue, key in
            let small = try SystemVMessageQueue(key, .open, options: SystemVQueueOptions(maximumMessageSize: 4))
            let cutting = try SystemVMessageQueue(
                key, .open, options: SystemVQueueOptions(maximumMessageSize: 4, oversizedMessages: .truncate))
            try await queue.send(QueueMessage("12345"), until: soon)
            let error = await failure { try await small.receive(.any, until: soon) }
            #expect(error?.code == .messageTooLarge && error?.object == "key \(key)")
            #expect(try queue.depth == 1)
            let cut = try await cutting.receive(.any, until: soon)
            #expect(cut.text == "1234" && cut.label.isTruncated)
            try await queue.send(QueueMessage("1234"), until: soon)
            let whole = try await cutting.receive(.any, until: soon)
            #expect(whole.text == "1234" && !whole.label.isTruncated)
        }
    }

    @Test func wrongArgumentsNameTheObjectAndWhatToDo() async throws {
        try await withSystemVQueue { queue, key in
            for type in [0, -1] {
                let error = await failure { try await queue.send(QueueMessage("x", type: type), until: soon) }
                #expect(error?.code == .invalidArgument && error?.object == "key \(key)")
                #expect(await failure { try await queue.receive(.only(type), until: soon) }?.code == .invalidArgument)
            }
            #expect(
                await failure { try await queue.send(QueueMessage("x", priority: 1), until: soon) }?.code
                    == .invalidArgument)
            let large = QueueMessage(payload: [UInt8](repeating: 1, count: 8193))
            #expect(await failure { try await queue.send(large, until: soon) }?.code == .messageTooLarge)
            let greedy = try SystemVMessageQueue(key, .open, options: SystemVQueueOptions(maximumMessageSize: 1 << 20))
            let error = await failure { try await greedy.send(large, until: soon) }
            #expect(error?.code == .messageTooLarge && error?.message.contains("kernel.msgmax") == true)
            #expect(
                await failure { try SystemVMessageQueue(key, .create) }?.code == .alreadyExists)
            // A message that is larger than the whole queue would wait for ever.
            try queue.setByteLimit(100)
            let never = await failure {
                try await queue.send(QueueMessage(payload: [UInt8](repeating: 1, count: 101)), until: soon)
            }
            #expect(never?.code == .messageTooLarge && never?.message.contains("setByteLimit") == true)
        }
        let missing = try freshKey()
        #expect(await failure { try SystemVMessageQueue(missing, .open) }?.code == .notFound)
        #expect(await failure { try SystemVMessageQueue.remove(missing) }?.code == .notFound)
        #expect(
            await failure { try SystemVMessageQueue(identifier: 0x7FFF_FFFF) }?.code == .notFound
        )
    }

    @Test func statisticsSayWhoDidWhat() async throws {
        try await withSystemVQueue(SystemVQueueOptions(permissions: 0o640, byteLimit: 4000)) { queue, key in
            var facts = try queue.statistics
            #expect(facts.key == key && facts.identifier == queue.identifier && facts.byteLimit == 4000)
            #expect(facts.permissions == 0o640 && facts.owner == ProcessFacts.effectiveUser)
            #expect(facts.lastSender == nil && facts.lastSendTime == nil && facts.lastReceiver == nil)
            try await queue.send(QueueMessage("12345"), until: soon)
            facts = try queue.statistics
            #expect(facts.depth == 1 && facts.byteCount == 5 && facts.lastSender == ProcessFacts.processID)
            #expect(try #require(facts.lastSendTime) >= facts.lastChangeTime)
            _ = try await queue.receive(.any, until: soon)
            #expect(try queue.statistics.lastReceiver == ProcessFacts.processID)
            #expect(try SystemVMessageQueue.list().contains { $0.identifier == queue.identifier && $0.key == key })
        }
    }

    @Test func privateQueuesAreFoundByTheirNumber() async throws {
        let queue = try SystemVMessageQueue.makePrivate()
        defer { try? SystemVMessageQueue.remove(identifier: queue.identifier) }
        #expect(queue.wasCreated && queue.key == nil)
        let again = try SystemVMessageQueue.makePrivate()
        #expect(again.identifier != queue.identifier)
        try again.remove()
        try await queue.send(QueueMessage("x", type: 4), until: soon)
        let other = try SystemVMessageQueue(identifier: queue.identifier)
        #expect(try await other.receive(.any, until: soon).type == 4)
        let moved = try SystemVMessageQueue.receive(try other.transfer())
        #expect(moved.identifier == queue.identifier)
        #expect(await failure { try await other.receive(.any, until: soon) }?.code == .closed)
    }

    @Test func removalEndsEveryWait() async throws {
        try await withSystemVQueue(SystemVQueueOptions(byteLimit: 10)) { queue, key in
            try await queue.send(QueueMessage(payload: [UInt8](repeating: 0, count: 10), type: 9), until: soon)
            await withTaskGroup(of: IPCError.Code?.self) { group in
                for _ in 0..<3 {
                    group.addTask { await failure { try await queue.receive(.only(1), until: soon) }?.code }
                    group.addTask { await failure { try await queue.send(QueueMessage("x"), until: soon) }?.code }
                }
                group.addTask {
                    try? await onThread {
                        blockingCode { () throws(IPCError) in _ = try queue.receiveBlocking(.only(2)) }
                    } ?? .none
                }
                try? await Task.sleep(for: .milliseconds(50))
                #expect(throws: Never.self) { try queue.remove() }
                for await code in group { #expect(code == .removed) }
            }
            #expect(await failure { try await queue.send(QueueMessage("x"), until: soon) }?.code == .removed)
            #expect(await failure { try queue.remove() }?.code == .removed)
            #expect(await failure { try queue.depth }?.code == .removed)
        }
    }

    @Test func closingEndsTheWaitsOfThisObjectAlone() async throws {
        try await withSystemVQueue { queue, key in
            let other = try SystemVMessageQueue(key, .open)
            async let mine = failure { try await queue.receive(.any, until: soon) }
            async let thread = onThread {
                blockingCode { () throws(IPCError) in _ = try queue.receiveBlocking(.any) }
            }
            async let theirs = other.receive(.any, until: soon)
            try await Task.sleep(for: .milliseconds(50))
            queue.close()
            #expect(await mine?.code == .closed)
            #expect(try await thread == .closed)
            let third = try SystemVMessageQueue(key, .open)
            try await third.finish()
            #expect(await failure { try await third.send(QueueMessage("x"), until: soon) }?.code == .finished)
            try await other.send(QueueMessage("on"), until: soon)
            #expect(try await theirs.text == "on")
        }
    }

    @Test func threadsBlockUntilAMessageOrADeadline() async throws {
        try await withSystemVQueue(SystemVQueueOptions(byteLimit: 4)) { queue, key in
            let codes = try await onThread { () -> [IPCError.Code?] in
                [
                    blockingCode { () throws(IPCError) in _ = try queue.receiveBlocking(.any, until: .now) },
                    blockingCode { () throws(IPCError) in
                        _ = try queue.receiveBlocking(.any, until: .after(.milliseconds(30)))
                    },
                    blockingCode { () throws(IPCError) in try queue.sendBlocking(QueueMessage("1234")) },
                    blockingCode { () throws(IPCError) in
                        try queue.sendBlocking(QueueMessage("5"), until: .after(.milliseconds(30)))
                    },
                    blockingCode { () throws(IPCError) in _ = try queue.receiveBlocking(.any) },
                ]
            }
            #expect(codes == [.timedOut, .timedOut, nil, .timedOut, nil])
            let other = try SystemVMessageQueue(key, .open)
            async let received = onThread { (try? queue.receiveBlocking(.only(7), until: soon))?.text }
            try await other.send(QueueMessage("me", type: 7), until: soon)
            #expect(try await received == "me")
        }
    }
}
