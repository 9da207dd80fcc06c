import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Leases, and what is left when a process is killed.
@Suite(.watched) struct SharedQueueDeathTests {
    @Test func aLeaseThatFailsGivesTheMessageBackToItsPlace() async throws {
        try await withSharedQueue(SharedQueueOptions(maximumDeliveries: 3)) { queue, _ in
            for text in ["a", "b", "c"] { try await queue.send(QueueMessage(text)) }
            let first = try await queue.giveBack()
            #expect(first?.deliveryCount == 1 && first?.payload == Array("a".utf8))
            #expect(try await queue.giveBack()?.deliveryCount == 2)
            #expect(try await queue.peek()?.text == "a")
            #expect(try await queue.giveBack()?.deliveryCount == 3)
            let status = try await queue.status()
            #expect(status.deadLetters == 1 && status.depth == 2 && status.leased == 0)
            #expect(try await queue.receive(.any).text == "b")
            let letter = try #require(try await queue.receiveDeadLetter())
            #expect(letter.text == "a" && letter.label.deliveryCount == 3)
            #expect(try await queue.receiveDeadLetter() == nil)
            try await queue.withLease { message in
                #expect(message.payload == Array("c".utf8))
                let during = try await queue.status()
                #expect(during.leased == 1 && during.depth == 0)
            }
            #expect(try await queue.status().leased == 0)
            let code = await channelCode { () throws(ChannelBodyError<GivenBack>) in
                try await queue.withLease(until: .after(.milliseconds(10))) { _ throws(GivenBack) in }
            }
            #expect(code == .timedOut)
        }
    }

    @Test func aKilledConsumersMessageIsGivenAgainAndMarked() async throws {
        try await withQueueFolder { folder in
            let path = "\(folder)/queue"
            let queue = try await SharedQueue(at: .file(path), options: SharedQueueOptions(maximumDeliveries: 2))
            try await queue.send(QueueMessage("one"))
            try await queue.send(QueueMessage("two"))
            for delivery in 1...2 {
                let child = try await ChildProcess.spawn(
                    .path(helperPath), arguments: ["queue-lease", path],
                    options: ChildProcess.Options(standardOutput: .pipe))
                #expect(try await child.standardOutput.readLine(until: soon) == "leased one \(delivery)")
                #expect(try await queue.status().leased == 1)
                _ = try await child.kill()
            }
            // It was given out as often as it may be. Nobody waits here, so the news of the death may take a moment.
            #expect(try await queue.statusOnce { $0.leased == 0 }.deadLetters == 1)
            #expect(try await queue.receive(.any, until: soon).text == "two")
            #expect(try await queue.receiveDeadLetter()?.text == "one")
            #expect(try await queue.status().leased == 0)
        }
    }

    /// Who waits when the owner of the only message dies gets it, with its mark, by the news of the death.
    @Test func whoWaitsGetsTheMessageOfTheDead() async throws {
        try await withQueueFolder { folder in
            let path = "\(folder)/queue"
            let queue = try await SharedQueue(at: .file(path))
            try await queue.send(QueueMessage("one"))
            let child = try await ChildProcess.spawn(
                .path(helperPath), arguments: ["queue-lease", path],
                options: ChildProcess.Options(standardOutput: .pipe))
            #expect(try await child.standardOutput.readLine(until: soon) == "leased one 1")
            async let next = queue.receive(.any, until: soon)
            try await Task.sleep(for: .milliseconds(20))
            _ = try await child.kill()
            let found = try await next
            #expect(found.text == "one" && found.label.deliveryCount == 2)
        }
    }

    /// Between any two steps.
    @Test(arguments: [
        "turn-entered", "turn-leaves", "turn-counted", "turn-sleeps", "queue-blocks-taken", "queue-filled",
        "queue-committed", "queue-listed", "queue-reserved", "queue-fills", "queue-filled-alone", "queue-freed",
        "queue-leased", "queue-given-back", "queue-copied", "queue-reads-lease",
    ])
    func aDeathAtAnyStepLeavesTheQueueWhole(_ point: String) async throws {
        try await withQueueFolder { folder in
            let path = "\(folder)/queue"
            let options = SharedQueueOptions(
                capacity: .bounded(messages: 20, byteCount: 100 * 128), maximumMessageSize: 6000, blockSize: 128,
                maximumDeliveries: nil)
            let queue = try await SharedQueue(at: .file(path), options: options)
            for passage in [1, 3, 8] {
                let environment = ["IPC_KILL_POINT": "\(point):\(passage)"]
                let child = try await ChildProcess.spawn(
                    .path(helperPath), arguments: ["queue-die", path],
                    options: ChildProcess.Options(environment: .inherit.updating(environment.mapValues { $0 })))
                let status = try await child.exitStatus(until: soon)
                #expect(status == .signaled(.kill, coreDumped: false), "\(point):\(passage) \(status)")
                // What the dead had comes back when its death is known; what is left is whole, and then the queue is as it was.
                _ = try await queue.statusOnce { $0.leased == 0 && $0.unfinished == 0 }
                while let found = try queue.tryReceive(.any) {
                    #expect(found.payload.allSatisfy { $0 == 7 } && [40, 6000].contains(found.payload.count))
                }
                try await queue.send(QueueMessage("next"), until: soon)
                #expect(try await queue.receive(.any, until: soon).text == "next")
                let left = try await queue.statusOnce { $0.freeByteCount == 100 * 128 }
                #expect(left.depth == 0 && left.leased == 0 && left.unfinished == 0 && left.byteCount == 0)
                #expect(left.freeByteCount == 100 * 128, "\(point):\(passage) \(left)")
            }
        }
    }

    /// The short form of .ci/long.d/queue-storm.
    @Test func aStormOfKills() async throws {
        try await withQueueFolder { folder in
            let text = try await expectScenario("queue-storm", folder, "100", "7")
            #expect(text.contains("0 torn, 0 missing"), "\(text)")
        }
    }

    @Test func aQueueInAFileIsThereAgain() async throws {
        try await withQueueFolder { folder in
            let path = "\(folder)/queue"
            do {
                let queue = try await SharedQueue(at: .file(path))
                try await queue.send(QueueMessage("kept", priority: 2, type: 5))
                try await queue.flush()
            }
            let queue = try await SharedQueue(at: .file(path), .open)
            let found = try await queue.receive(.any, until: soon)
            #expect(found.text == "kept" && found.priority == 2 && found.type == 5)
            try await withSharedQueue { queue, _ in
                #expect(await failure { try await queue.flush() }?.code == .unsupported)
            }
        }
    }

    @Test func anAnonymousQueueIsPassedOn() async throws {
        let queue = try await SharedQueue()
        let other = try await SharedQueue.receive(try queue.transfer(), until: soon)
        try await queue.send(QueueMessage("there"))
        #expect(try await other.receive(.any, until: soon).text == "there")
        #expect(
            await failure { try await SharedQueue.receive(TransferredDescriptors(descriptors: [], state: [])) }?.code
                == .decodingFailed)
        try await withSharedQueue { named, place in
            #expect(await failure { try named.transfer() }?.code == .unsupported)
            let places = try SharedQueue.list().map(\.place)
            #expect(places.contains(place))
        }
    }

    /// Nothing that somebody writes into the memory makes this process trap.
    @Test func hostileContentsTrapNobody() async throws {
        try await withQueueFolder { folder in
            let path = "\(folder)/queue"
            let options = SharedQueueOptions(
                capacity: .bounded(messages: 20, byteCount: 64 * 128), maximumMessageSize: 1000, blockSize: 128)
            var random = SeededGenerator(seed: 11)
            for round in 0..<60 {
                let queue = try await SharedQueue(at: .file("\(path)-\(round)"), options: options)
                for index in 0..<10 { try await queue.send(QueueMessage("\(index)", priority: index % 3)) }
                let region = try SharedMemory(at: .file("\(path)-\(round)"), .open)
                // Behind the table of processes and the description.
                let start = region.byteCount - (1024 + 64 * 128)
                for _ in 0..<40 {
                    let offset = start + 256 + Int(random.next() % UInt64(768 + 64 * 128 - 8))
                    let value = random.next() % 3 == 0 ? random.next() : random.next() % 70
                    try region.store(value, at: offset)
                }
                for _ in 0..<40 {
                    _ = try? queue.trySend(QueueMessage("x", priority: 1))
                    _ = try? queue.tryReceive(.only(1))
                    _ = try? queue.tryReceive(.any)
                }
                try region.store(UInt64.max, at: start)
                let error = await failure { try await SharedQueue(at: .file("\(path)-\(round)"), .open) }
                #expect(error?.code == .protocolViolation)
            }
        }
    }
}
