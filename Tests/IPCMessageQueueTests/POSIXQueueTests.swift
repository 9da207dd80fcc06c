import IPCMessageQueue
import IPCProcess
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct POSIXQueueTests {
    @Test func prioritiesComeFirstAndOrderHoldsInside() async throws {
        try await withPOSIXQueue { queue, _ in
            for (index, priority) in [0, 5, 32767, 5, 0, 1, 32767, 5].enumerated() {
                try await queue.send(QueueMessage("\(index)", priority: priority), until: soon)
            }
            #expect(try queue.depth == 8)
            var found: [String] = []
            var priorities: [Int] = []
            while let message = try queue.tryReceive(.any) {
                found.append(message.text)
                priorities.append(message.priority)
                #expect(message.type == 1)
            }
            #expect(found == ["2", "6", "1", "3", "7", "5", "0", "4"])
            #expect(priorities == [32767, 32767, 5, 5, 5, 1, 0, 0])
            #expect(try queue.depth == 0)
        }
    }

    @Test func fullAndEmptyQueuesWaitOrSaySo() async throws {
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 2, maximumMessageSize: 16)) { queue, name in
            #expect(try queue.tryReceive() == .empty)
            #expect(
                await failure { try await queue.receive(.any, until: .after(.milliseconds(20))) }?.code == .timedOut)
            #expect(try queue.trySend(QueueMessage("1")) && queue.trySend(QueueMessage("2")))
            #expect(try !queue.trySend(QueueMessage("3")))
            #expect(await failure { try await queue.send(QueueMessage("3"), until: .now) }?.code == .timedOut)
            let other = try POSIXMessageQueue(named: name, .open)
            async let sent: Void = queue.send(QueueMessage("3"), until: soon)
            #expect(try await other.receive(.any, until: soon).text == "1")
            try await sent
            #expect(try await other.receive(.any, until: soon).text == "2")
            #expect(try await other.receive(.any, until: soon).text == "3")
        }
    }

    @Test func wrongArgumentsNameTheObjectAndWhatToDo() async throws {
        for name in ["", "/", "jobs", "/a/b", "/..", "/a\0b", "/" + String(repeating: "x", count: 256)] {
            let error = await failure { try POSIXMessageQueue(named: name, .create) }
            #expect(error?.code == .invalidName && error?.object == name, "\(name): \(error.map { "\($0)" } ?? "made")")
            #expect(
                await failure { try POSIXMessageQueue.remove(named: name) }?.code == .invalidName
            )
        }
        let longest = "/" + String(repeating: "y", count: 255 - 24) + String(freshName().suffix(16))
        let made = try POSIXMessageQueue(named: longest, .create)
        made.close()
        try POSIXMessageQueue.remove(named: longest)
        for options in [
            POSIXQueueOptions(capacity: 0), POSIXQueueOptions(maximumMessageSize: 0),
            POSIXQueueOptions(capacity: 65537), POSIXQueueOptions(maximumMessageSize: 1 << 25),
        ] {
            let error = await failure {
                try POSIXMessageQueue(named: freshName(), .create, options: options)
            }
            #expect(error?.code == .invalidArgument)
        }
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 3, maximumMessageSize: 16)) { queue, name in
            let large = await failure {
                try await queue.send(QueueMessage(String(repeating: "x", count: 17)), until: soon)
            }
            #expect(large?.code == .messageTooLarge && large?.object == name)
            for priority in [-1, 32768] {
                let error = await failure { try await queue.send(QueueMessage("x", priority: priority), until: soon) }
                #expect(error?.code == .invalidArgument && error?.message.contains("32767") == true)
            }
            for type in [0, -1, 2] {
                let error = await failure { try await queue.send(QueueMessage("x", type: type), until: soon) }
                #expect(error?.code == .invalidArgument)
            }
            #expect(await failure { try await queue.receive(.only(1), until: soon) }?.code == .unsupported)
            let depth = try queue.depth
            #expect(depth == 0)
        }
    }

    @Test func intentsAndSizesAreKept() async throws {
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 3, maximumMessageSize: 16)) { queue, name in
            #expect(queue.wasCreated && queue.capacity == 3 && queue.maximumMessageSize == 16)
            #expect(
                await failure { try POSIXMessageQueue(named: name, .create) }?.code
                    == .alreadyExists)
            let other = try POSIXMessageQueue(named: name, .openOrCreate)
            #expect(!other.wasCreated && other.capacity == 3)
            let error = await failure {
                try POSIXMessageQueue(named: name, .openOrCreate, options: POSIXQueueOptions(capacity: 4))
            }
            #expect(error?.code == .typeMismatch && error?.message.contains("3 of 16") == true)
            try POSIXMessageQueue.remove(named: name)
            #expect(
                await failure { try POSIXMessageQueue(named: name, .open) }?.code == .notFound)
            // Who has it open goes on.
            try await queue.send(QueueMessage("on"), until: soon)
            #expect(try await other.receive(.any, until: soon).text == "on")
        }
    }

    @Test func permissionsAreThoseAskedForWhateverTheUmask() async throws {
        #expect(try await expectScenario("queue-permissions", freshName()).contains("0600 0666"))
    }

    @Test func accessIsWhatWasAskedFor() async throws {
        try await withPOSIXQueue { queue, name in
            let sender = try POSIXMessageQueue(named: name, .open, options: POSIXQueueOptions(access: .send))
            let receiver = try POSIXMessageQueue(named: name, .open, options: POSIXQueueOptions(access: .receive))
            #expect(sender.guarantees.direction == .sends && receiver.guarantees.direction == .receives)
            try await sender.send(QueueMessage("x"), until: soon)
            #expect(await failure { try await sender.receive(.any, until: soon) }?.code == .permissionDenied)
            #expect(
                await failure { try await receiver.send(QueueMessage("x"), until: soon) }?.code == .permissionDenied)
            #expect(try await receiver.receive(.any, until: soon).text == "x")
            #expect(queue.guarantees.topology == .queue)
        }
    }

    @Test func threadsBlockUntilAMessageADeadlineOrAClose() async throws {
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 1, maximumMessageSize: 16)) { queue, name in
            let other = try POSIXMessageQueue(named: name, .open)
            let echo = Task {
                try await onThread {
                    Result { () throws(IPCError) in
                        for _ in 0..<50 {
                            let message = try queue.receiveBlocking(.any)
                            try queue.sendBlocking(message, until: soon)
                            while try queue.depth > 0 { ProcessorHint.pause() }
                        }
                    }
                }
            }
            for index in 0..<50 {
                try await other.send(QueueMessage("\(index)", priority: index), until: soon)
                // The one that comes back may be our own: the thread has not taken it yet.
                var back = try await other.receive(.any, until: soon)
                while back.text != "\(index)" { back = try await other.receive(.any, until: soon) }
                #expect(back.priority == index)
                if try queue.depth == 0, index == 49 { break }
                try await Task.sleep(for: .milliseconds(1))
            }
            other.close()
            queue.close()
            _ = await echo.result
        }
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 1, maximumMessageSize: 16)) { queue, name in
            let timedOut = try await onThread { () -> [IPCError.Code?] in
                [
                    blockingCode { () throws(IPCError) in _ = try queue.receiveBlocking(.any, until: .now) },
                    blockingCode { () throws(IPCError) in
                        _ = try queue.receiveBlocking(.any, until: .after(.milliseconds(30)))
                    },
                    blockingCode { () throws(IPCError) in try queue.sendBlocking(QueueMessage("1")) },
                    blockingCode { () throws(IPCError) in
                        try queue.sendBlocking(QueueMessage("2"), until: .after(.milliseconds(30)))
                    },
                ]
            }
            #expect(timedOut == [.timedOut, .timedOut, nil, .timedOut])
            #expect(try queue.depth == 1)
            let other = try POSIXMessageQueue(named: name, .open)
            async let blocked = onThread {
                blockingCode { () throws(IPCError) in try other.sendBlocking(QueueMessage("3")) }
            }
            try await Task.sleep(for: .milliseconds(30))
            other.close()
            #expect(try await blocked == .closed)
            #expect(try queue.depth == 1)
        }
    }

    @Test func aQueueGoesToAnotherProcess() async throws {
        try await withPOSIXQueue { queue, name in
            let given = try POSIXMessageQueue(named: name, .open)
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["queue-echo-given"], transferring: [given])
            #expect(await failure { try await given.send(QueueMessage("x"), until: soon) }?.code == .closed)
            try await queue.send(QueueMessage("there", priority: 7), until: soon)
            #expect(try await child.exitStatus(until: soon).isSuccess)
            let back = try await queue.receive(.any, until: soon)
            #expect(back.text == "there and back" && back.priority == 8)
            for state: [UInt8] in [[], [1], [2, 0, 47], [1, 9, 47]] {
                let error = await failure {
                    try POSIXMessageQueue.receive(TransferredDescriptors(descriptors: [], state: state))
                }
                #expect(error?.code == .decodingFailed)
            }
            let pipe = try DescriptorCalls.makePipe()
            closeDescriptor(pipe.writing)
            let none = await failure {
                try POSIXMessageQueue.receive(
                    TransferredDescriptors(
                        descriptors: [PassedDescriptor(owning: pipe.reading)], state: [1, 2] + Array(name.utf8)))
            }
            #expect(none != nil)
        }
    }

    @Test func queuesAreListedWithoutAMount() async throws {
        try await withPOSIXQueue(POSIXQueueOptions(capacity: 4, maximumMessageSize: 32)) { queue, name in
            try await queue.send(QueueMessage("x"), until: soon)
            let listing = try POSIXMessageQueue.list()
            let entry = try #require(listing.queues.first { $0.name == name })
            #expect(entry.depth == 1 && entry.capacity == 4 && entry.maximumMessageSize == 32)
            #expect(entry.permissions == .ownerOnly && entry.owner == ProcessFacts.effectiveUser)
            let isMounted = try TestingCalls.contents(of: "/proc/self/mountinfo").split(separator: 10).contains {
                String(decoding: $0, as: UTF8.self).contains(" - mqueue ")
            }
            #expect((listing.whatIsMissing == nil) == isMounted)
        }
    }
}

func blockingCode(_ body: () throws(IPCError) -> Void) -> IPCError.Code? {
    do throws(IPCError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}
