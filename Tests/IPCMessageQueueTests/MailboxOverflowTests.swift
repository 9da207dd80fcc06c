import IPCMessageQueue
import TestSupport
import Testing

/// What happens when a mailbox is full, with each policy.
@Suite(.watched) struct MailboxOverflowTests {
    @Test func workSuspendsTheSender() async throws {
        try await withMailbox(.smallWork(.suspend)) { mailbox, _ in
            for index in 0..<4 { #expect(try mailbox.trySend(QueueMessage("\(index)"))) }
            #expect(try !mailbox.trySend(QueueMessage("4")))
            #expect(
                await failure { try await mailbox.send(QueueMessage("4"), until: .after(.milliseconds(20))) }?.code
                    == .timedOut)
            async let sent: Void = mailbox.send(QueueMessage("5"), until: soon)
            #expect(try await mailbox.receive(.any, until: soon).text == "0")
            try await sent
            #expect(try await mailbox.receiveAll() == ["1", "2", "3", "5"])
            #expect(mailbox.droppedCount == 0 && mailbox.guarantees.isLossless)
        }
    }

    @Test func workFails() async throws {
        try await withMailbox(.smallWork(.fail)) { mailbox, _ in
            for index in 0..<4 { try await mailbox.send(QueueMessage("\(index)")) }
            #expect(await failure { try await mailbox.send(QueueMessage("4")) }?.code == .resourceExhausted)
            #expect(try !mailbox.trySend(QueueMessage("4")))
            #expect(try await mailbox.receiveAll() == ["0", "1", "2", "3"])
            #expect(mailbox.droppedCount == 0)
        }
    }

    @Test func workDropsTheNewest() async throws {
        try await withMailbox(.smallWork(.dropNewest)) { mailbox, name in
            for index in 0..<7 { try await mailbox.send(QueueMessage("\(index)")) }
            #expect(try !mailbox.trySend(QueueMessage("7")))
            let other = try await Mailbox(named: name, .open)
            #expect(other.droppedCount == 3 && other.whenFull == .dropNewest && !other.guarantees.isLossless)
            #expect(try await mailbox.receiveAll() == ["0", "1", "2", "3"])
        }
    }

    @Test func workDropsTheOldestOfTheLowestPriority() async throws {
        try await withMailbox(.smallWork(.dropOldest)) { mailbox, _ in
            for (text, priority) in [("a", 3), ("b", 1), ("c", 1), ("d", 0)] {
                try await mailbox.send(QueueMessage(text, priority: priority))
            }
            try await mailbox.send(QueueMessage("e", priority: 2))
            #expect(try mailbox.trySend(QueueMessage("f", priority: 0)))
            #expect(mailbox.droppedCount == 2)
            #expect(try await mailbox.receiveAll() == ["a", "e", "c", "f"])
            // What somebody has under a lease stays, and its room is waited for.
            for index in 0..<4 { try await mailbox.send(QueueMessage("\(index)")) }
            try await mailbox.withLease { first in
                try await mailbox.withLease { _ in
                    try await mailbox.withLease { _ in
                        try await mailbox.withLease { _ in
                            #expect(
                                await failure {
                                    try await mailbox.send(QueueMessage("x"), until: .after(.milliseconds(20)))
                                }?.code == .timedOut)
                        }
                        try await mailbox.send(QueueMessage("y"), until: soon)
                    }
                }
                #expect(first.payload == Array("0".utf8))
            }
            #expect(try await mailbox.receiveAll() == ["y"])
        }
    }

    @Test func largeWorkMakesRoomToo() async throws {
        let options = MailboxOptions(
            whenFull: .dropOldest, capacity: .bounded(messages: 50, byteCount: 64 << 10), maximumMessageSize: 30_000)
        try await withMailbox(options) { mailbox, _ in
            for size in [10, 30_000, 30_000, 30_000, 5000, 30_000] {
                try await mailbox.send(QueueMessage(payload: [UInt8](repeating: 9, count: size)), until: soon)
            }
            var sizes: [Int] = []
            while let found = try mailbox.tryReceive(.any) { sizes.append(found.payload.count) }
            #expect(sizes.last == 30_000 && sizes.count >= 1 && mailbox.droppedCount == UInt64(6 - sizes.count))
        }
    }

    /// The slowest living receiver holds the senders back, and nobody else does.
    @Test func aBroadcastSuspendsForTheSlowest() async throws {
        try await withMailbox(.smallBroadcast()) { mailbox, name in
            // Nobody receives: the oldest go.
            for index in 0..<10 { try await mailbox.send(QueueMessage("\(index)"), until: soon) }
            let fast = try await Mailbox(named: name, .open)
            let slow = try await Mailbox(named: name, .open)
            try await fast.join(from: .onlyNew)
            try await slow.join(from: .onlyNew)
            for index in 10..<14 { try await mailbox.send(QueueMessage("\(index)"), until: soon) }
            #expect(try await fast.receiveAll() == ["10", "11", "12", "13"])
            #expect(try !mailbox.trySend(QueueMessage("14")))
            #expect(
                await failure { try await mailbox.send(QueueMessage("14"), until: .after(.milliseconds(20))) }?.code
                    == .timedOut)
            async let sent: Void = mailbox.send(QueueMessage("15"), until: soon)
            try await Task.sleep(for: .milliseconds(10))
            #expect(try await slow.receive(.any, until: soon).text == "10")
            try await sent
            #expect(try await fast.receive(.any, until: soon).text == "15")
            // One that leaves lets everybody go on.
            async let next: Void = mailbox.send(QueueMessage("16"), until: soon)
            try await Task.sleep(for: .milliseconds(10))
            slow.leave()
            try await next
            #expect(try await fast.receiveAll() == ["16"])
            #expect(mailbox.droppedCount == 0 && fast.missedCount == 0)
        }
    }

    @Test func aBroadcastFailsOrDropsTheNewest() async throws {
        for policy in [MailboxOverflow.fail, .dropNewest] {
            try await withMailbox(.smallBroadcast(policy)) { mailbox, name in
                let receiver = try await Mailbox(named: name, .open)
                try await receiver.join(from: .onlyNew)
                for index in 0..<4 { try await mailbox.send(QueueMessage("\(index)")) }
                let error = await failure { try await mailbox.send(QueueMessage("4")) }
                #expect(error?.code == (policy == .fail ? .resourceExhausted : nil))
                #expect(try !mailbox.trySend(QueueMessage("5")))
                #expect(mailbox.droppedCount == (policy == .fail ? 0 : 1))
                #expect(try await receiver.receiveAll() == ["0", "1", "2", "3"])
                try await mailbox.send(QueueMessage("6"))
                #expect(try await receiver.receiveAll() == ["6"])
            }
        }
    }

    @Test func aBroadcastDropsTheOldestAndSaysSo() async throws {
        try await withMailbox(.smallBroadcast(.dropOldest)) { mailbox, name in
            let receiver = try await Mailbox(named: name, .open)
            try await receiver.join(from: .onlyNew)
            for index in 0..<10 { try await mailbox.send(QueueMessage("\(index)")) }
            #expect(try receiver.depth == 4)
            #expect(try await receiver.receiveAll() == ["6", "7", "8", "9"])
            #expect(receiver.missedCount == 6 && mailbox.droppedCount == 6)
        }
    }

    /// Cancelled and late sends and receives lose and double nothing.
    @Test func cancellationsLoseNothing() async throws {
        for delivery in MailboxDelivery.allCases {
            var options = delivery == .broadcast ? MailboxOptions.smallBroadcast() : .smallWork(.suspend)
            options.delivery = delivery
            try await withMailbox(options) { mailbox, name in
                let receiver = try await Mailbox(named: name, .open)
                if delivery == .broadcast { try await receiver.join(from: .onlyNew) }
                let sender = Task {
                    var sent: [String] = []
                    for index in 0..<2000 {
                        do {
                            try await mailbox.send(
                                QueueMessage("\(index)"), until: .after(.microseconds(Int.random(in: 0..<200))))
                            sent.append("\(index)")
                        } catch let error as IPCError where error.code == .timedOut {}
                    }
                    return sent
                }
                var found: [String] = []
                var isOver = false
                while !isOver {
                    let one = Task { try await receiver.receive(.any, until: .after(.milliseconds(200))) }
                    if Bool.random() {
                        try await Task.sleep(for: .microseconds(Int.random(in: 0..<100)))
                        one.cancel()
                    }
                    do {
                        found.append(try await one.value.text)
                    } catch let error as IPCError where error.code == .cancelled {
                    } catch let error as IPCError where error.code == .timedOut {
                        isOver = true
                    }
                }
                // The last ones, should the machine have stood still for longer than that.
                let sent = try await sender.value
                found += try await receiver.receiveAll()
                #expect(found == sent)
            }
        }
    }
}
