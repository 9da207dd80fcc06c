public import IPCCore
import IPCSystem
import Synchronization

/// Receivers of a broadcast.
extension Mailbox {
    /// Receives from `start` on. An object that has joined goes on from there instead.
    ///
    /// From here on this object has a seat: where `send` waits or fails when the mailbox is full, the slowest living receiver
    /// decides that. ``leave()`` and ``close()`` give the seat up, and so does the death of the process.
    ///
    /// - Throws: `.unsupported` for shared work, which everybody receives who asks; `.resourceExhausted` when all
    ///   ``MailboxOptions/maximumReceivers`` seats are taken; `.closed`, `.timedOut`, `.cancelled`, `.participantLost`.
    public func join(from start: MailboxStart, until deadline: Deadline = .never) async throws(IPCError) {
        let core = try broadcast("join")
        try core.join(from: start, try await core.acquire(until: deadline, "join a mailbox"))
    }

    /// The same on a thread that may block.
    public func joinBlocking(from start: MailboxStart, until deadline: Deadline = .never) throws(IPCError) {
        let core = try broadcast("join")
        try core.join(from: start, try core.acquireBlocking(until: deadline, "join a mailbox"))
    }

    /// Gives the seat up: this object receives no more, unless it joins again, and holds nobody back. Never waits; a
    /// `receive` that goes on joins anew.
    public func leave() {
        if case .broadcast(let core) = kind { core.giveUpSeat() }
    }

    /// How many messages of a broadcast this object missed because they were dropped for newer ones. 0 for shared work.
    public var missedCount: UInt64 {
        if case .broadcast(let core) = kind { return core.missed.load(ordering: .relaxed) }
        return 0
    }

    /// How many objects receive the broadcast, in living processes. - Throws: `.unsupported` for shared work; `.closed`.
    public var receiverCount: Int {
        get throws(IPCError) {
            let core = try broadcast("count receivers")
            try core.checkOpen("look at a mailbox")
            return core.log.receiverCount(core.participant)
        }
    }

    private func broadcast(_ doing: StaticString) throws(IPCError) -> MailLogCore {
        guard case .broadcast(let core) = kind else {
            throw IPCError(
                .unsupported, "\(doing): this mailbox shares work; just receive", object: name)
        }
        return core
    }
}
