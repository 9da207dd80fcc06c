import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import TestSupport
import Testing

/// Questions and answers, and what each sees of the other's death.
@Suite(.watched, .serialized) struct MailboxRequestTests {
    @Test func anAnswerComesToWhoAsked() async throws {
        try await withMailbox { mailbox, name in
            let server = Task {
                let mailbox = try await Mailbox(named: name, .open)
                for _ in 0..<20 {
                    let question = try await mailbox.receive(.any, until: soon)
                    #expect(question.label.isRequest)
                    try await question.reply(Array("\(question.text)!".utf8), until: soon)
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let answer = try await mailbox.request(Array("\(index)".utf8), until: soon)
                        #expect(answer == Array("\(index)!".utf8))
                    }
                }
                try await group.waitForAll()
            }
            try await server.value
        }
    }

    @Test func aBroadcastIsAnsweredByTheFirst() async throws {
        try await withMailbox(MailboxOptions(delivery: .broadcast)) { mailbox, name in
            let servers = [try await Mailbox(named: name, .open), try await Mailbox(named: name, .open)]
            for server in servers { try await server.join(from: .onlyNew) }
            for round in 0..<3 {
                async let answer = mailbox.request(Array("\(round)".utf8), until: soon)
                for (index, server) in servers.enumerated() {
                    let question = try await server.receive(.any, until: soon)
                    #expect(question.text == "\(round)")
                    try await question.reply(Array("\(round) by \(index)".utf8), until: soon)
                }
                // Not an earlier one, which came too late.
                #expect(String(decoding: try await answer, as: UTF8.self).hasPrefix("\(round) by "))
            }
        }
    }

    @Test func whatNobodyWaitsForIsRefusedOrDropped() async throws {
        try await withMailbox { mailbox, name in
            try await mailbox.send(QueueMessage("no question"))
            let message = try await mailbox.receive(.any)
            #expect(await failure { try await message.reply([1]) }?.code == .invalidArgument)

            // The first gives up; its answer comes too late and is nobody's.
            let asked = Task { try await mailbox.request([1], until: soon) }
            let late = try await mailbox.receive(.any, until: soon)
            asked.cancel()
            #expect(await failure { try await asked.value }?.code == .cancelled)
            try await late.reply(Array("late".utf8), until: soon)
            async let answer = mailbox.request([2], until: soon)
            let question = try await mailbox.receive(.any, until: soon)
            #expect(question.payload == [2])
            try await question.reply(Array("in time".utf8), until: soon)
            #expect(try await answer == Array("in time".utf8))

            // A question that is sent on is none any more: the one who passes it on answers.
            async let passed = mailbox.request([3], until: soon)
            let first = try await mailbox.receive(.any, until: soon)
            try await mailbox.send(first)
            #expect(try await mailbox.receive(.any, until: soon).label.isRequest == false)
            try await first.reply([4], until: soon)
            #expect(try await passed == [4])

            let other = try await Mailbox(named: name, .open)
            let closed = Task { try await other.request([5], until: soon) }
            let last = try await mailbox.receive(.any, until: soon)
            other.close()
            #expect(await failure { try await closed.value }?.code == .closed)
            #expect(await failure { try await last.reply([6], until: soon) }?.code == .peerClosed)
        }
    }

    /// What a mailbox makes in /dev/shm goes with it.
    @Test func noNameStays() async throws {
        let before = try replyPlaces()
        var own: Set<String> = []
        try await withMailbox { mailbox, name in
            async let answer = mailbox.request([1], until: soon)
            let question = try await mailbox.receive(.any, until: soon)
            own = try replyPlaces().subtracting(before)
            #expect(!own.isEmpty)
            try await question.reply([2], until: soon)
            _ = try await answer
        }
        // Others may have made theirs meanwhile: none stays for long.
        let end = Deadline.after(.seconds(60))
        while try !replyPlaces().isDisjoint(with: own), !end.hasPassed { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try replyPlaces().isDisjoint(with: own))
    }

    @Test func aDeadRequestersPlaceIsALeftover() async throws {
        try await withMailbox { mailbox, name in
            for sweeps in [true, false] {
                let before = try replyPlaces()
                try await withScenario(["mailbox-ask", name, "still there?"]) { child in
                    let question = try await mailbox.receive(.any, until: soon)
                    #expect(question.text == "still there?")
                    let own = try replyPlaces().subtracting(before)
                    #expect(own.count >= 1)
                    _ = try await child.kill()
                    if sweeps {
                        // Others who look at the same time may make it seem in use.
                        let end = Deadline.after(.seconds(60))
                        while try !replyPlaces().isDisjoint(with: own), !end.hasPassed {
                            try SharedMemory.sweep(namesBeginningWith: "ipc-reply-")
                            try await Task.sleep(for: .milliseconds(1))
                        }
                        #expect(try replyPlaces().isDisjoint(with: own))
                    }
                    // Whoever answers is told, and clears up.
                    #expect(await failure { try await question.reply([1], until: soon) }?.code == .peerClosed)
                    #expect(await failure { try await question.reply([1], until: soon) }?.code == .peerClosed)
                }
            }
        }
    }

    @Test func aDeadReplierIsReplacedOrMissed() async throws {
        try await withMailbox { mailbox, name in
            // With a lease the next one gets the question.
            try await withScenario(["mailbox-lease", name]) { child in
                async let answer = mailbox.request(Array("who?".utf8), until: soon)
                #expect(try await child.standardOutput.readLine(until: soon) == "leased who? 1")
                _ = try await child.kill()
                try await mailbox.withLease(until: soon) { question in
                    #expect(question.deliveryCount == 2)
                    try await question.reply(Array("me".utf8), until: soon)
                }
                #expect(try await answer == Array("me".utf8))
            }
            // Without one the deadline says so.
            try await withScenario(["mailbox-take", name]) { child in
                let asked = Task { try await mailbox.request(Array("who?".utf8), until: .after(.seconds(5))) }
                #expect(try await child.standardOutput.readLine(until: soon) == "took who?")
                _ = try await child.kill()
                #expect(await failure { try await asked.value }?.code == .timedOut)
            }
        }
    }

    @Test func questionsAndAnswersHaveTypes() async throws {
        try await withMailbox { mailbox, _ in
            let jobs = mailbox.messages(of: [Int].self, using: .binary)
            async let sum = mailbox.request([1, 2, 3], for: Int.self, using: .binary, until: soon)
            let question = try #require(try await jobs.receive(until: soon))
            try await question.reply(question.payload.reduce(0, +), using: .binary, until: soon)
            #expect(try await sum == 6)
            async let text = mailbox.request([4], for: String.self, using: .binary, until: soon)
            try await mailbox.withLease(until: soon) { question in
                let numbers = try question.decoded(as: [Int].self, using: .binary)
                try await question.reply("\(numbers)", using: .binary, until: soon)
            }
            #expect(try await text == "[4]")
            async let wrong = mailbox.request([5], for: [String].self, using: .binary, until: soon)
            try await mailbox.receive(.any, until: soon).reply([0xFF], until: soon)
            do {
                _ = try await wrong
                Issue.record("bytes that are no answer were one")
            } catch {
                // Another version of the binary form.
                #expect((error as? IPCError)?.code == .wrongVersion)
            }
        }
    }

    @Test func threadsAskAndAnswer() async throws {
        try await withMailbox { mailbox, name in
            async let answer = onThread { () -> [UInt8]? in
                guard let mailbox = try? Mailbox(blockingNamed: name, .open) else { return nil }
                return try? mailbox.requestBlocking([1, 2], until: soon)
            }
            let served = try await onThread {
                do {
                    let mailbox = try Mailbox(blockingNamed: name, .open)
                    try mailbox.withLeaseBlocking(until: soon) { question in
                        try question.replyBlocking(question.payload.reversed(), until: soon)
                    }
                    return true
                } catch {
                    return false
                }
            }
            #expect(served)
            #expect(try await answer == [2, 1])
        }
    }
}
