import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCMessageQueue

/// What goes, and what does not, where the oldest messages go for a new one.
@Suite(.watched) struct MailboxDroppingTests {
    private func queue(of mailbox: Mailbox) throws -> SharedQueue {
        guard case .work(let queue) = mailbox.kind else { throw GivenBack() }
        return queue
    }

    @Test func aBusyLockDropsNothing() async throws {
        try await withMailbox(.smallWork(.dropOldest)) { mailbox, name in
            for index in 0..<3 { try await mailbox.send(QueueMessage("\(index)"), until: soon) }
            let other = try await Mailbox(named: name, .open, until: soon)
            let core = try queue(of: other).core
            let turn = try await core.acquire(until: soon, "hold")
            #expect(try !mailbox.trySend(QueueMessage("x")))
            core.leave(turn)
            #expect(mailbox.droppedCount == 0)
            #expect(try mailbox.trySend(QueueMessage("3")) && mailbox.droppedCount == 0)
            #expect(try mailbox.trySend(QueueMessage("4")) && mailbox.droppedCount == 1)
            #expect(try await mailbox.receiveAll() == ["1", "2", "3", "4"])
        }
    }

    /// Where all that could go would not be enough, nothing goes.
    @Test func nothingGoesInVain() async throws {
        let options = MailboxOptions(
            whenFull: .dropOldest, capacity: .bounded(messages: 50, byteCount: 8 << 10), maximumMessageSize: 4000)
        try await withMailbox(options) { mailbox, _ in
            let wide = QueueMessage(payload: [UInt8](repeating: 1, count: 4000))
            try await mailbox.send(wide, until: soon)
            try await mailbox.withLease(until: soon) { _ in
                // Nobody may drop the wide one, and the narrow one is not in the way of another alone.
                try await mailbox.send(QueueMessage("narrow"), until: soon)
                #expect(try !mailbox.trySend(wide))
                #expect(
                    await failure { try await mailbox.send(wide, until: .after(.milliseconds(20))) }?.code == .timedOut)
                #expect(try mailbox.droppedCount == 0 && mailbox.depth == 1)
            }
            #expect(try await mailbox.receiveAll() == ["narrow"])
        }
    }

    /// All that is there is leased: the sender waits, for what is given back as well as for room.
    @Test func whatIsGivenBackCanGo() async throws {
        try await withMailbox(.smallWork(.dropOldest)) { mailbox, name in
            for index in 0..<4 { try await mailbox.send(QueueMessage("\(index)"), until: soon) }
            let waiters = try queue(of: mailbox).core.lines.waiters(in: .wideSenders)
            let narrow = try queue(of: mailbox).core.lines.waiters(in: .senders)
            func areWaiting() -> Bool { waiters.loadRelaxed() + narrow.loadRelaxed() > 0 }
            try await mailbox.withLease(until: soon) { _ in
                try await mailbox.withLease(until: soon) { _ in
                    try await mailbox.withLease(until: soon) { _ in
                        try await withScenario(["mailbox-send", name, "new"]) { child in
                            do throws(ChannelBodyError<GivenBack>) {
                                try await mailbox.withLease(until: soon) { _ throws(GivenBack) in
                                    let end = Deadline.after(.seconds(60))
                                    while !areWaiting(), !end.hasPassed {
                                        try? await Task.sleep(for: .milliseconds(1))
                                    }
                                    throw GivenBack()
                                }
                            } catch {
                                if case .channel(let error) = error { throw error }
                            }
                            #expect(try await child.standardOutput.readLine(until: soon) == "sent")
                            #expect(mailbox.droppedCount == 1)
                            #expect(try await mailbox.receiveAll() == ["new"])
                        }
                    }
                }
            }
        }
    }
}
