public import IPCCore
import IPCSystem

extension SharedQueue {
    /// Sends the bytes as one message; suspends while the queue is full, and in a queue that holds nothing until somebody has
    /// taken the message.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.invalidArgument` for a priority or a type out of range;
    ///   `.messageTooLarge`; `.resourceExhausted` when the queue may grow and the file system is full; `.finished`; `.closed`;
    ///   `.participantLost` in the child of a fork.
    @inlinable
    public func send(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) async throws(IPCError) {
        if try !sendNow(bytes, label) { try await sendSlowly(bytes, label, deadline) }
    }

    /// Sends what goes in one turn, if there is room. False when nothing was sent.
    @usableFromInline
    func sendNow(_ bytes: RawSpan, _ label: QueueLabel) throws(IPCError) -> Bool {
        let blocks = try check(bytes.byteCount, label)
        try core.checkSending()
        guard bytes.byteCount <= QueueCore.largestUnderLock, !shape.isRendezvous,
            let turn = try core.tryAcquire("send"),
            case .sent = try core.offer(bytes, label, blocks: blocks, counts: false, turn)
        else { return false }
        return true
    }

    @usableFromInline
    func sendSlowly(_ bytes: RawSpan, _ label: QueueLabel, _ deadline: Deadline) async throws(IPCError) {
        let table = core.table
        let blocks = try check(bytes.byteCount, label)
        _ = core.roomLook.look { if case .none = table.room(blocks) { false } else { true } }
        try await sendWaiting(bytes, label, blocks, deadline, .plain)
    }

    /// Sends, and waits for room if there is none. An answer that comes too late is not sent, which is no error.
    func sendWaiting(
        _ bytes: RawSpan, _ label: QueueLabel, _ blocks: Int, _ deadline: Deadline, _ rule: SendingRule
    ) async throws(IPCError) {
        var ticket: QueueCore.Ticket?
        while true {
            try core.checkSending()
            var turn = try await core.acquire(after: ticket, until: deadline, "send")
            let finding = core.prepare(rule, blocks: blocks, &turn)
            guard case .goesOn = finding else { return try giveUp(finding, turn) }
            switch try core.offer(bytes, label, blocks: blocks, counts: true, turn) {
            case .sent: return
            case .full(let next): ticket = next
            case .offered(let place): return try await awaitTaker(place, deadline)
            case .reserved(let place):
                return try await writeAndPublish(bytes, place, deadline, isDroppable: rule.drops)
            }
        }
    }

    private func writeAndPublish(
        _ bytes: RawSpan, _ place: QueueTable.Place, _ deadline: Deadline, isDroppable: Bool
    ) async throws(IPCError) {
        core.write(bytes, to: place)
        let turn: QueueCore.Turn
        do throws(IPCError) {
            turn = try await core.acquire(until: deadline, "send")
        } catch {
            await core.settle(place, .withdrawn, waits: false)
            throw error
        }
        if case .offered(let place) = try core.publish(place, turn, isDroppable: isDroppable) {
            try await awaitTaker(place, deadline)
        }
    }

    /// Waits until an offered message is taken, and takes it back when the wait ends otherwise.
    private func awaitTaker(_ place: QueueTable.Place, _ deadline: Deadline) async throws(IPCError) {
        do throws(IPCError) {
            var turn = try await core.acquire(until: deadline, "send")
            while let ticket = core.isTaken(place, turn) {
                turn = try await core.acquire(after: ticket, until: deadline, "send")
            }
        } catch {
            // Whoever has taken it in the meantime has it: then it was sent.
            if await core.withdrawForSure(place) { throw error }
        }
    }

    /// Sends the bytes as one message if there is room now; false when `send` would wait, as it always does in a queue that
    /// holds nothing.
    public func trySend(_ bytes: RawSpan, labeled label: QueueLabel) throws(IPCError) -> Bool {
        try trySend(bytes, label, .plain)
    }

    func trySend(_ bytes: RawSpan, _ label: QueueLabel, _ rule: SendingRule) throws(IPCError) -> Bool {
        let blocks = try check(bytes.byteCount, label)
        try core.checkSending()
        guard var turn = try core.tryAcquire("send") else { return false }
        guard !shape.isRendezvous else {
            core.leave(turn)
            return false
        }
        let finding = core.prepare(rule, blocks: blocks, &turn)
        guard case .goesOn = finding else {
            try giveUp(finding, turn)
            return true
        }
        switch try core.offer(bytes, label, blocks: blocks, counts: false, turn) {
        case .sent: return true
        case .full, .offered: return false
        case .reserved(let place):
            core.write(bytes, to: place)
            guard let turn = try core.tryAcquire("send") else {
                core.settleLater(place, .withdrawn)
                return false
            }
            _ = try core.publish(place, turn, isDroppable: rule.drops)
            return true
        }
    }

    /// ``send(_:labeled:until:)`` on the calling thread, which it blocks. Never call it in a task.
    public func sendBlocking(_ bytes: RawSpan, labeled label: QueueLabel, until deadline: Deadline) throws(IPCError) {
        try sendBlocking(bytes, label, deadline, .plain)
    }

    func sendBlocking(
        _ bytes: RawSpan, _ label: QueueLabel, _ deadline: Deadline, _ rule: SendingRule
    ) throws(IPCError) {
        let blocks = try check(bytes.byteCount, label)
        var ticket: QueueCore.Ticket?
        while true {
            try core.checkSending()
            var turn = try core.acquireBlocking(after: ticket, until: deadline, "send")
            let finding = core.prepare(rule, blocks: blocks, &turn)
            guard case .goesOn = finding else { return try giveUp(finding, turn) }
            switch try core.offer(bytes, label, blocks: blocks, counts: true, turn) {
            case .sent: return
            case .full(let next): ticket = next
            case .offered(let place): return try awaitTakerBlocking(place, deadline)
            case .reserved(let place):
                core.write(bytes, to: place)
                let turn: QueueCore.Turn
                do throws(IPCError) {
                    turn = try core.acquireBlocking(until: deadline, "send")
                } catch {
                    core.settleLater(place, .withdrawn)
                    throw error
                }
                if case .offered(let place) = try core.publish(place, turn, isDroppable: rule.drops) {
                    try awaitTakerBlocking(place, deadline)
                }
                return
            }
        }
    }

    /// Ends the turn without a message, because of what was found.
    private func giveUp(_ finding: SendingRule.Finding, _ turn: QueueCore.Turn) throws(IPCError) {
        core.leave(turn)
        if case .requesterIsGone = finding {
            throw IPCError(.peerClosed, "reply: the requester is gone", object: core.name)
        }
    }

    private func awaitTakerBlocking(_ place: QueueTable.Place, _ deadline: Deadline) throws(IPCError) {
        do throws(IPCError) {
            var turn = try core.acquireBlocking(until: deadline, "send")
            while let ticket = core.isTaken(place, turn) {
                turn = try core.acquireBlocking(after: ticket, until: deadline, "send")
            }
        } catch {
            if try core.withdrawBlocking(place) { throw error }
        }
    }

    /// How many blocks the message takes.
    @inline(__always)
    func check(_ byteCount: Int, _ label: QueueLabel) throws(IPCError) -> Int {
        guard byteCount <= shape.maximumMessageSize, label.priority >= 0, label.priority <= Self.maximumPriority,
            label.type > 0
        else { throw refusal(byteCount, label) }
        return shape.blocks(for: byteCount)
    }

    private func refusal(_ byteCount: Int, _ label: QueueLabel) -> IPCError {
        if byteCount > shape.maximumMessageSize {
            return IPCError(
                .messageTooLarge,
                "send: \(byteCount) bytes, and the queue was made for messages of \(shape.maximumMessageSize); send less, or "
                    + "make it anew with a larger maximumMessageSize", object: core.name)
        }
        return IPCError(
            .invalidArgument,
            "send: priority \(label.priority) and type \(label.type), and a shared queue has priorities 0 to "
                + "\(Self.maximumPriority) and types from 1 on", object: core.name)
    }
}
