import IPCCore
import IPCParticipants
import IPCSync
import IPCSystem

/// What must be done once it was begun, whatever becomes of the call: it is done at once where the lock is free, and else by
/// a task of its own, which nobody cancels. In the child of a fork no task runs: there it is given up without the lock.
extension QueueCore {
    enum Outcome: Sendable {
        /// A leased message was received.
        case received
        /// A leased message goes back to its place.
        case givenBack
        /// The same, and nobody has seen it: the delivery does not count.
        case untouched
        /// What was written into reserved blocks is nothing.
        case withdrawn
    }

    /// Ends a lease or a reservation. `waits`: return when it is done, even if that takes longer than a moment.
    func settle(_ place: QueueTable.Place, _ outcome: Outcome, waits: Bool = true) async {
        if (try? settleNow(place, outcome)) ?? false { return }
        let task = Task { await self.settleForSure(place, outcome) }
        if waits { await task.value }
    }

    /// The same on a thread that may block.
    func settleBlocking(_ place: QueueTable.Place, _ outcome: Outcome) {
        do throws(IPCError) {
            let turn = beginTurn(try lock.lockBlocking(until: .never, "settle a message"))
            settle(place, outcome, turn)
        } catch {
            settleLater(place, outcome)
        }
    }

    /// The same for a call that does not wait.
    func settleLater(
        _ place: QueueTable.Place, _ outcome: Outcome, runsTasks: Bool = !ProcessFacts.isForked
    ) {
        if (try? settleNow(place, outcome)) ?? false { return }
        guard runsTasks else { return abandon(place, outcome) }
        Task { await self.settleForSure(place, outcome) }
    }

    /// Without the lock, and so without a wait: others find it when they look at everything, as after a death. That takes them
    /// time in proportion to the queue's memory.
    private func abandon(_ place: QueueTable.Place, _ outcome: Outcome) {
        if table.abandon(place, owner, counts: outcome != .untouched) { participant.announceLoss() }
    }

    /// Takes an offered message back, whatever becomes of the call. False when somebody has taken it.
    func withdrawForSure(_ place: QueueTable.Place) async -> Bool {
        if let died = try? tryLock("take a message back") { return withdraw(place, beginTurn(died)) }
        return await Task {
            guard let died = try? await self.lock.lock(until: .never, "take a message back") else { return true }
            return self.withdraw(place, self.beginTurn(died))
        }.value
    }

    /// The same on a thread that may block.
    func withdrawBlocking(_ place: QueueTable.Place) throws(IPCError) -> Bool {
        withdraw(place, beginTurn(try lock.lockBlocking(until: .never, "take a message back")))
    }

    /// False when the lock is not free.
    private func settleNow(_ place: QueueTable.Place, _ outcome: Outcome) throws(IPCError) -> Bool {
        guard let died = try tryLock("settle a message") else { return false }
        settle(place, outcome, beginTurn(died))
        return true
    }

    /// Errors are those of a process that is not in the region any more: then others do it.
    private func settleForSure(_ place: QueueTable.Place, _ outcome: Outcome) async {
        guard let died = try? await lock.lock(until: .never, "settle a message") else { return }
        settle(place, outcome, beginTurn(died))
    }

    /// Whether it was still this process's to settle.
    @discardableResult
    private func settle(_ place: QueueTable.Place, _ outcome: Outcome, _ turn: consuming Turn) -> Bool {
        var isOurs = true
        switch outcome {
        case .received:
            let blocks = table.settle(place, owner, isReceived: true)
            isOurs = blocks != nil
            if let blocks { turn.wakes.signalRoom(table, blocks: blocks) }
        case .givenBack, .untouched:
            let deadLetters = table.get(.deadLetters)
            isOurs = table.settle(place, owner, isReceived: false, counts: outcome == .givenBack) != nil
            if isOurs {
                if table.get(.deadLetters) == deadLetters {
                    turn.wakes.signalMessages(table)
                    // Who sends to a mailbox that drops the oldest may drop it now.
                    turn.wakes.signalRoom(table, blocks: UInt32(table.blocks(of: place.link)))
                } else {
                    // It has its blocks still, and counts as a message no more.
                    turn.wakes.signalRoom(table, blocks: 1)
                }
            }
        case .withdrawn:
            isOurs = table.isOwned(place, owner, .filling)
            if isOurs { turn.wakes.signalRoom(table, blocks: table.free(place.link, hadOwner: true)) }
        }
        leave(turn)
        return isOurs
    }
}

/// The end of receiving a large message, which was copied under a lease: it is received for good, or was never taken.
extension QueueCore {
    /// Waits for the lock until the deadline; a cancellation does not end that, because the message is there.
    ///
    /// - Throws: `.timedOut`, `.participantLost`: it is as if nobody had taken the message.
    func receive(_ lease: Lease, until deadline: Deadline) async throws(IPCError) {
        do throws(IPCError) {
            if let died = try tryLock("receive") { return try receive(lease, died) }
            let task = Task { () async -> Result<Void, IPCError> in
                do throws(IPCError) {
                    return .success(
                        try self.receive(lease, try await self.lock.lock(until: deadline, "receive")))
                } catch {
                    return .failure(error)
                }
            }
            try await task.value.get()
        } catch {
            settleLater(lease.place, .untouched)
            throw error
        }
    }

    /// The same on a thread that may block.
    func receiveBlocking(_ lease: Lease, until deadline: Deadline) throws(IPCError) {
        do throws(IPCError) {
            try receive(lease, try lock.lockBlocking(until: deadline, "receive"))
        } catch {
            settleLater(lease.place, .untouched)
            throw error
        }
    }

    /// The same without waiting: false when somebody has the lock for longer than a moment.
    func tryReceive(_ lease: Lease) throws(IPCError) -> Bool {
        if let died = try tryLock("receive") {
            try receive(lease, died)
            return true
        }
        settleLater(lease.place, .untouched)
        return false
    }

    private func receive(_ lease: Lease, _ previousOwnerDied: Bool) throws(IPCError) {
        guard settle(lease.place, .received, beginTurn(previousOwnerDied)) else {
            throw IPCError(
                .participantLost, "receive: others hold this process for dead; open the queue anew", object: name)
        }
    }
}
