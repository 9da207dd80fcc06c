import IPCMessageQueue
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct MailboxTests {
    @Test func workGoesToOneByPriority() async throws {
        try await withMailbox { mailbox, name in
            let other = try await Mailbox(named: name)
            #expect(!other.wasCreated && mailbox.wasCreated && other.delivery == .workSharing && other.name == name)
            for (text, priority) in [("low", 0), ("high", 9), ("middle", 5)] {
                try await mailbox.send(QueueMessage(text, priority: priority, type: priority + 1))
            }
            #expect(try other.depth == 3)
            #expect(try await other.receive(.only(6)).text == "middle")
            let first = try await mailbox.receive(.any)
            #expect(first.text == "high" && first.priority == 9 && first.type == 10 && !first.label.isRequest)
            #expect(try await other.receiveAll() == ["low"])
            #expect(try mailbox.tryReceive(.any) == nil)
        }
    }

    @Test func aBroadcastGoesToAllInOneOrder() async throws {
        try await withMailbox(MailboxOptions(delivery: .broadcast)) { mailbox, name in
            let receivers = [try await Mailbox(named: name, .open), try await Mailbox(named: name, .open)]
            for receiver in receivers { try await receiver.join(from: .onlyNew) }
            let senders = [mailbox, try await Mailbox(named: name, .open)]
            for index in 0..<20 { try await senders[index % 2].send(QueueMessage("\(index)", type: index + 1)) }
            for receiver in receivers {
                #expect(try receiver.depth == 20)
                let found = try await receiver.receiveAll()
                #expect(found == (0..<20).map(String.init))
                #expect(receiver.missedCount == 0)
            }
            #expect(try mailbox.receiverCount == 2)
            receivers[0].leave()
            receivers[1].close()
            #expect(try mailbox.receiverCount == 0)
        }
    }

    @Test func lateJoinersChooseWhatTheySee() async throws {
        try await withMailbox(.smallBroadcast()) { mailbox, name in
            for index in 0..<7 { try await mailbox.send(QueueMessage("\(index)"), until: soon) }
            func see(_ start: MailboxStart) async throws -> [String] {
                let receiver = try await Mailbox(named: name, .open)
                try await receiver.join(from: start)
                let seen = try await receiver.receiveAll()
                try await mailbox.send(QueueMessage("new"))
                let new = try await receiver.receive(.any, until: soon).text
                #expect(new == "new" && receiver.missedCount == 0)
                return seen
            }
            // Four fit.
            #expect(try await see(.everythingKept) == ["3", "4", "5", "6"])
            #expect(try await see(.last(2)) == ["6", "new"])
            #expect(try await see(.last(100)) == ["5", "6", "new", "new"])
            #expect(try await see(.last(0)) == [])
            #expect(try await see(.onlyNew) == [])
        }
    }

    @Test func sizesWrapAroundInABroadcast() async throws {
        let options = MailboxOptions(
            delivery: .broadcast, whenFull: .dropOldest, capacity: .bounded(messages: 100, byteCount: 3000),
            maximumMessageSize: 900)
        try await withMailbox(options) { mailbox, name in
            let receiver = try await Mailbox(named: name, .open)
            try await receiver.join(from: .onlyNew)
            for size in 0..<900 {
                let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ size) }
                try await mailbox.send(QueueMessage(payload: payload), until: soon)
                #expect(try await receiver.receive(.any, until: soon).payload == payload)
            }
            #expect(receiver.missedCount == 0)
            #expect(
                await failure { try await mailbox.send(QueueMessage(payload: [UInt8](repeating: 0, count: 901))) }?.code
                    == .messageTooLarge)
        }
    }

    @Test func aBroadcastIsSelectedByType() async throws {
        try await withMailbox(MailboxOptions(delivery: .broadcast)) { mailbox, _ in
            try await mailbox.join(from: .onlyNew)
            for type in [3, 1, 2, 3, 1] { try await mailbox.send(QueueMessage("\(type)", type: type)) }
            #expect(try await mailbox.receive(.only(2), until: soon).text == "2")
            #expect(try await mailbox.receive(.anyExcept(3), until: soon).text == "1")
            #expect(try mailbox.tryReceive(.any) == nil)
            #expect(await failure { try await mailbox.receive(.lowest(upTo: 2)) }?.code == .unsupported)
            #expect(await failure { try await mailbox.receive(.only(0)) }?.code == .invalidArgument)
        }
    }

    @Test func typedMessagesAndSequencesWork() async throws {
        try await withMailbox(MailboxOptions(delivery: .broadcast)) { mailbox, name in
            let receiver = try await Mailbox(named: name, .open)
            try await receiver.join(from: .onlyNew)
            let numbers = mailbox.messages(of: Int.self, using: .binary)
            for number in 0..<5 { try await numbers.send(QueueMessage(payload: number)) }
            var found: [Int] = []
            for try await message in receiver.messages(of: Int.self, using: .binary).incoming {
                found.append(message.payload)
                if found.count == 5 { break }
            }
            #expect(found == [0, 1, 2, 3, 4])
        }
    }

    @Test func waitsEndByMessageDeadlineCancellationAndClose() async throws {
        for delivery in MailboxDelivery.allCases {
            try await withMailbox(MailboxOptions(delivery: delivery)) { mailbox, name in
                let receiver = try await Mailbox(named: name, .open)
                if delivery == .broadcast { try await receiver.join(from: .onlyNew) }
                async let found = receiver.receive(.any, until: soon)
                try await Task.sleep(for: .milliseconds(20))
                try await mailbox.send(QueueMessage("woken"))
                #expect(try await found.text == "woken")
                #expect(
                    await failure { try await receiver.receive(.any, until: .after(.milliseconds(20))) }?.code
                        == .timedOut)
                let cancelled = Task { try await receiver.receive(.any, until: soon) }
                try await Task.sleep(for: .milliseconds(10))
                cancelled.cancel()
                #expect(await failure { try await cancelled.value }?.code == .cancelled)
                let closed = Task { try await receiver.receive(.any, until: soon) }
                try await Task.sleep(for: .milliseconds(10))
                receiver.close()
                #expect(await failure { try await closed.value }?.code == .closed)
                try await mailbox.finish()
                #expect(await failure { try await mailbox.send(QueueMessage("late")) }?.code == .finished)
            }
        }
    }

    @Test func threadsThatBlockCanUseIt() async throws {
        for delivery in MailboxDelivery.allCases {
            let name = freshMailboxName()
            defer { try? Mailbox.remove(named: name) }
            let error = try await onThread { () -> (any Error)? in
                do {
                    let options = MailboxOptions(delivery: delivery)
                    let mailbox = try Mailbox(blockingNamed: name, .create, options: options, until: soon)
                    if delivery == .broadcast { try mailbox.joinBlocking(from: .onlyNew) }
                    try mailbox.sendBlocking(QueueMessage("one"), until: soon)
                    let found = try mailbox.receiveBlocking(.any, until: soon)
                    try #require(found.text == "one")
                    _ = try mailbox.receiveBlocking(.any, until: .after(.milliseconds(5)))
                    return nil
                } catch {
                    return error
                }
            }
            #expect((error as? IPCError)?.code == .timedOut)
        }
    }

    @Test func badInputIsRefused() async throws {
        for name in ["", "a/b", "..", String(repeating: "x", count: 300)] {
            #expect(await failure { try await Mailbox(named: name) }?.code == .invalidName, "\(name)")
        }
        let missing = freshMailboxName()
        #expect(await failure { try await Mailbox(named: missing, .open) }?.code == .notFound)
        #expect(await failure { try Mailbox.remove(named: missing) }?.code == .notFound)
        var options = MailboxOptions(capacity: .rendezvous)
        #expect(await failure { try await Mailbox(named: missing, options: options) }?.code == .invalidArgument)
        options = MailboxOptions(delivery: .broadcast, capacity: .growing(maximumByteCount: 1 << 20))
        #expect(await failure { try await Mailbox(named: missing, options: options) }?.code == .invalidArgument)
        options = MailboxOptions(delivery: .broadcast, capacity: .bounded(messages: 10, byteCount: 4000))
        #expect(await failure { try await Mailbox(named: missing, options: options) }?.code == .invalidArgument)
        for size in [-1, Int.max] {
            for delivery in MailboxDelivery.allCases {
                options = MailboxOptions(delivery: delivery, maximumMessageSize: size)
                #expect(await failure { try await Mailbox(named: missing, options: options) }?.code == .invalidArgument)
            }
        }
        #expect(try !Mailbox.list().contains { $0.name == missing })
        try await withMailbox(.smallBroadcast()) { mailbox, name in
            #expect(await failure { try await Mailbox(named: name, .create) }?.code == .alreadyExists)
            #expect(await failure { try await Mailbox(named: name) }?.code == .typeMismatch)
            #expect(
                await failure { try await Mailbox(named: name, options: .smallBroadcast(.fail)) }?.code == .typeMismatch
            )
            #expect(await failure { try await SharedQueue(at: .named(name), .open) }?.code == .typeMismatch)
            #expect(await failure { try await mailbox.send(QueueMessage("x", priority: 1)) }?.code == .invalidArgument)
            #expect(await failure { try await mailbox.send(QueueMessage("x", type: 0)) }?.code == .invalidArgument)
            let leased = await channelCode { () throws(ChannelBodyError<GivenBack>) in
                try await mailbox.withLease { _ throws(GivenBack) in }
            }
            #expect(leased == .unsupported)
            let listed = try Mailbox.list().filter { $0.name == name }
            #expect(listed.count == 1 && listed.first?.isLeftover == false)
        }
        try await withMailbox { mailbox, _ in
            #expect(await failure { try await mailbox.join(from: .onlyNew) }?.code == .unsupported)
            #expect(await failure { try mailbox.receiverCount }?.code == .unsupported)
        }
        try await withSharedQueue { _, place in
            let name = try #require(try SharedQueue.list().first { $0.place == place }?.name)
            #expect(await failure { try await Mailbox(named: name) }?.code == .typeMismatch)
            #expect(await failure { try Mailbox.remove(named: name) }?.code == .typeMismatch)
        }
    }

    @Test func seatsAreBounded() async throws {
        var options = MailboxOptions.smallBroadcast()
        options.maximumReceivers = 2
        try await withMailbox(options) { mailbox, name in
            let others = [try await Mailbox(named: name, .open), try await Mailbox(named: name, .open)]
            for other in others { try await other.join(from: .onlyNew) }
            #expect(await failure { try await mailbox.join(from: .onlyNew) }?.code == .resourceExhausted)
            #expect(await failure { try mailbox.tryReceive(.any) }?.code == .resourceExhausted)
            others[0].leave()
            try await mailbox.join(from: .onlyNew)
        }
    }

    /// Nothing that somebody writes into the memory makes this process trap or hang.
    @Test func hostileContentsTrapNobody() async throws {
        var state: UInt64 = 17
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33 ^ state << 7
        }
        for round in 0..<60 {
            try await withMailbox(.smallBroadcast(.dropOldest, messages: 20)) { mailbox, name in
                try await mailbox.join(from: .onlyNew)
                for index in 0..<10 { try await mailbox.send(QueueMessage("\(index)")) }
                let region = try SharedMemory(at: .named(name), .open)
                let logSize = 384 + 64 * 32 + 20 * (48 + 200)
                let start = region.byteCount - logSize
                for _ in 0..<30 {
                    let offset = start + 256 + Int(random() % UInt64(logSize - 264)) & ~7
                    try region.store(round % 2 == 0 ? random() : random() % 400, at: offset)
                }
                for _ in 0..<30 {
                    _ = try? mailbox.trySend(QueueMessage("x"))
                    _ = try? mailbox.tryReceive(.any)
                    _ = try? mailbox.depth
                    try? await mailbox.join(from: .everythingKept, until: .after(.milliseconds(5)))
                }
                try region.store(UInt64.max, at: start)
                #expect(await failure { try await Mailbox(named: name, .open) }?.code == .protocolViolation)
                try region.store(UInt64(7), at: start + 32)
                #expect(await failure { try await Mailbox(named: name, .open) }?.code == .protocolViolation)
            }
        }
    }
}
