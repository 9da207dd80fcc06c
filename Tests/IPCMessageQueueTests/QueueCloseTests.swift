import TestSupport
import Testing

@testable import IPCMessageQueue

/// Closing at the instant that is the hardest to see: between the look at whether it is closed and the sleep.
@Suite(.watched) struct QueueCloseTests {
    @Test func whoeverIsAboutToSleepOnAClosedQueueDoesNot() async throws {
        try await withSharedQueue { queue, _ in
            let core = queue.core
            let turn = try await core.acquire(until: soon, "receive")
            queue.close()
            guard case .empty(let ticket?) = core.take(.any, counts: true, turn, { _, _ in }) else {
                Issue.record("a message in an empty queue")
                return
            }
            #expect(
                await failure { _ = try await core.acquire(after: ticket, until: soon, "receive") }?.code == .closed)
            let error = try await onThread { () -> IPCError? in
                do throws(IPCError) {
                    _ = try core.acquireBlocking(after: ticket, until: .now, "receive")
                    return nil
                } catch {
                    return error
                }
            }
            #expect(error?.code == .closed)
        }
    }

    @Test func whoeverIsAboutToSleepOnAClosedBroadcastDoesNot() async throws {
        try await withMailbox(.smallBroadcast()) { mailbox, _ in
            guard case .broadcast(let core) = mailbox.kind else {
                Issue.record("no broadcast")
                return
            }
            let turn = try await core.acquire(until: soon, "receive")
            mailbox.close()
            let ticket = core.leaveWaiting(.news, turn)
            #expect(
                await failure { _ = try await core.acquire(after: ticket, until: soon, "receive") }?.code == .closed)
        }
    }

    /// One that was found open takes its seat after the close, and gives it up: nobody waits for it.
    @Test func whoeverJoinsAClosedBroadcastHoldsNobodyBack() async throws {
        try await withMailbox(.smallBroadcast()) { mailbox, name in
            let late = try await Mailbox(named: name, .open, until: soon)
            guard case .broadcast(let core) = late.kind else {
                Issue.record("no broadcast")
                return
            }
            let joining = try await core.acquire(until: soon, "join")
            late.close()
            #expect(await failure { try core.join(from: .onlyNew, joining) }?.code == .closed)
            #expect(try mailbox.receiverCount == 0)
            // More than there is room for, if somebody had to receive them.
            for index in 0..<10 { #expect(try mailbox.trySend(QueueMessage("\(index)"))) }
        }
    }
}
