import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// What is left of a mailbox when processes are killed.
@Suite(.watched) struct MailboxDeathTests {
    @Test func aDeadReceiverHoldsNobodyBack() async throws {
        try await withMailbox(.smallBroadcast()) { mailbox, name in
            try await mailbox.join(from: .onlyNew)
            try await withScenario(["mailbox-hold", name]) { child in
                #expect(try await child.standardOutput.readLine(until: soon) == "joined")
                #expect(try mailbox.receiverCount == 2)
                for index in 0..<4 { try await mailbox.send(QueueMessage("\(index)"), until: soon) }
                #expect(try await mailbox.receiveAll() == ["0", "1", "2", "3"])
                #expect(try !mailbox.trySend(QueueMessage("4")))
                // It waits when the other one dies, and goes on by the news of it.
                async let sent: Void = mailbox.send(QueueMessage("5"), until: soon)
                try await Task.sleep(for: .milliseconds(20))
                _ = try await child.kill()
                try await sent
                #expect(try await mailbox.receive(.any, until: soon).text == "5")
                #expect(try mailbox.receiverCount == 1)
            }
        }
    }

    @Test func leasedWorkOfTheDeadIsGivenAgain() async throws {
        try await withMailbox { mailbox, name in
            try await mailbox.send(QueueMessage("job"))
            try await withScenario(["mailbox-lease", name]) { child in
                #expect(try await child.standardOutput.readLine(until: soon) == "leased job 1")
                async let delivery = mailbox.withLease(until: soon) { message in
                    (message.payload, message.deliveryCount)
                }
                try await Task.sleep(for: .milliseconds(20))
                _ = try await child.kill()
                let (payload, count) = try await delivery
                #expect(payload == Array("job".utf8) && count == 2)
            }
        }
    }

    /// Between any two steps.
    @Test(arguments: [
        "turn-entered", "turn-leaves", "turn-wakes", "turn-counted", "turn-sleeps", "mail-described",
        "mail-half-written",
        "mail-written", "mail-sent", "mail-tail-moved", "mail-seat-written", "mail-joined", "mail-advanced",
        "mail-copied",
        "mail-left",
    ])
    func aDeathAtAnyStepLeavesTheBroadcastWhole(_ point: String) async throws {
        // Room for so many bytes that the records lie in two pieces at times.
        let options = MailboxOptions(
            delivery: .broadcast, capacity: .bounded(messages: 20, byteCount: 2504), maximumMessageSize: 300)
        try await withMailbox(options) { mailbox, name in
            for passage in [1, 2, 7] {
                // Senders that have to wait are killed while they do; they have nobody to wait for but this one.
                let isStuck = ["mail-tail-moved", "turn-wakes"].contains(point)
                if !isStuck { try await mailbox.join(from: .onlyNew) }
                try await withScenario(["mailbox-die", name], killPoint: "\(point):\(passage)") { child in
                    var status: IPCProcess.ExitStatus?
                    while status == nil {
                        if !isStuck, let found = try mailbox.tryReceive(.any) {
                            #expect(found.payload.allSatisfy { $0 == 7 } && [40, 300].contains(found.payload.count))
                        } else if point == "turn-wakes" {
                            // Somebody to be woken.
                            _ = try? await mailbox.receive(.any, until: .after(.milliseconds(3)))
                        } else {
                            try await Task.sleep(for: .milliseconds(1))
                        }
                        status = try child.exitStatusIfEnded()
                    }
                    #expect(status == .signaled(.kill, coreDumped: false), "\(point):\(passage)")
                }
                // What is left is whole and the same for all.
                mailbox.leave()
                let receivers = [try await Mailbox(named: name, .open), try await Mailbox(named: name, .open)]
                var seen: [[Int]] = []
                for receiver in receivers {
                    try await receiver.join(from: .everythingKept, until: soon)
                    var sizes: [Int] = []
                    while let found = try receiver.tryReceive(.any) {
                        #expect(found.payload.allSatisfy { $0 == 7 })
                        sizes.append(found.payload.count)
                    }
                    #expect(receiver.missedCount == 0)
                    seen.append(sizes)
                }
                #expect(seen[0] == seen[1])
                // And the room is what it was: 7 records of 348 rounded up to 352 bytes.
                var count = 0
                while try mailbox.trySend(QueueMessage(payload: [UInt8](repeating: 7, count: 300))) { count += 1 }
                #expect(count == 7, "\(point):\(passage)")
                for receiver in receivers { #expect(try await receiver.receiveAll().count == 7) }
            }
        }
    }

    /// The short form of .ci/long.d/mailbox-storm.
    @Test(arguments: ["all", "newest", "work", "oldest", "fail", "drop", "ask"])
    func aStormOfKills(_ kind: String) async throws {
        try await withQueueFolder { folder in
            let text = try await expectScenario("mailbox-storm", folder, "30", "7", kind)
            #expect(text.contains("0 torn, 0 missing"), "\(text)")
        }
    }

    @Test(arguments: ["all", "work", "ask"])
    func aStormOfKillsAmongTasks(_ kind: String) async throws {
        try await withQueueFolder { folder in
            let text = try await expectScenario("mailbox-storm", folder, "20", "7", kind, "tasks")
            #expect(text.contains("0 torn, 0 missing"), "\(text)")
        }
    }

    @Test(.enabled(if: ProcessFacts.effectiveUser == 0, "it takes root to become another user"))
    func anotherUserIsRefused() async throws {
        try await withMailbox { _, name in
            let output = try await Command(
                .name("setpriv"),
                arguments: [
                    "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", helperPath,
                    "mailbox-open", name,
                ]
            ).output(until: soon)
            #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        }
    }
}
