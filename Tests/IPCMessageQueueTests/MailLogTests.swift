import Synchronization
import TestSupport
import Testing

@testable import IPCMessageQueue

/// The log of a broadcast from within.
@Suite(.watched) struct MailLogTests {
    private func core(of mailbox: Mailbox) throws -> MailLogCore {
        guard case .broadcast(let core) = mailbox.kind else { throw GivenBack() }
        return core
    }

    /// A log that is full of the smallest records: what is bounded against nonsense reaches the last of them.
    @Test func theBoundOfStepsIsThatOfRecords() async throws {
        let options = MailboxOptions(
            delivery: .broadcast, capacity: .bounded(messages: 100, byteCount: 16 * 48), maximumMessageSize: 0)
        try await withMailbox(options) { mailbox, _ in
            let core = try core(of: mailbox)
            try await mailbox.join(from: .onlyNew)
            for round in 0..<3 {
                for _ in 0..<16 { #expect(try mailbox.trySend(QueueMessage(payload: []))) }
                #expect(try !mailbox.trySend(QueueMessage(payload: [])))
                let turn = try await core.acquire(until: soon, "repair")
                core.log.repair()
                core.leave(turn)
                #expect(try mailbox.depth == 16 && core.log.nextNumber == UInt64(round + 1) * 16)
                // None matches, and all are passed over.
                #expect(try mailbox.tryReceive(.only(2)) == nil)
                #expect(try mailbox.depth == 0)
            }
        }
    }

    /// What others may have written into a seat is a number like any other.
    @Test func anyNumberInASeatIsTaken() async throws {
        try await withMailbox(.smallBroadcast()) { mailbox, _ in
            let core = try core(of: mailbox)
            for number in [UInt64.max, 0, UInt64(Int64.max), UInt64(Int64.max) + 1] {
                try await mailbox.join(from: .onlyNew)
                let seat = core.log.seat(core.seat.load(ordering: .relaxed))
                try await mailbox.send(QueueMessage("one"), until: soon)
                seat.number = number
                #expect(try mailbox.tryReceive(.any)?.text == "one")
                seat.number = number
                seat.position = number
                _ = try mailbox.tryReceive(.any)
                _ = try mailbox.depth
            }
        }
    }
}
