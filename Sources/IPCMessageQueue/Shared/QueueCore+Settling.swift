import IPCCore
import IPCParticipants
import IPCSync
import IPCSystem

/// What must be done once it was begun, whatever becomes of the call: it is done at once where the lock is free, and else by
/// a task of its own, which nobody cancels.
extension QueueCore {
    enum Outcome: Sendable {
        /// A leased message was received.
        case received
        /// A leased message goes back to its place.
        case givenBack
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
    func settleBlocking(_ place: QueueTable.Place, _ outcome: Outcome, until deadline: Deadline) {
        do throws(IPCError) {
            let turn = lockAnyway(try lock.lockBlocking(until: deadline, "settle a message"))
            settle(place, outcome, turn)
        } catch {
            Task { await self.settleForSure(place, outcome) }
        }
    }

    /// The same for a call that does not wait.
    func settleLater(_ place: QueueTable.Place, _ outcome: Outcome) {
        if (try? settleNow(place, outcome)) ?? false { return }
        Task { await self.settleForSure(place, outcome) }
    }

    /// Takes an offered message back, whatever becomes of the call. False when somebody has taken it.
    func withdrawForSure(_ place: QueueTable.Place) async -> Bool {
        for _ in 0..<4 {
            if let died = try? lock.tryLock("take a message back") { return withdraw(place, lockAnyway(died)) }
        }
        return await Task {
            guard let died = try? await self.lock.lock(until: .never, "take a message back") else { return true }
            return self.withdraw(place, self.lockAnyway(died))
        }.value
    }

    /// The same on a thread that may block.
    func withdrawBlocking(_ place: QueueTable.Place) throws(IPCError) -> Bool {
        withdraw(place, lockAnyway(try lock.lockBlocking(until: .never, "take a message back")))
    }

    /// False when the lock is not free.
    private func settleNow(_ place: QueueTable.Place, _ outcome: Outcome) throws(IPCError) -> Bool {
        for _ in 0..<4 {
            guard let died = try lock.tryLock("settle a message") else { continue }
            settle(place, outcome, lockAnyway(died))
            return true
        }
        return false
    }

    /// Errors are those of a process that is not in the region any more: then others do it.
    private func settleForSure(_ place: QueueTable.Place, _ outcome: Outcome) async {
        guard let died = try? await lock.lock(until: .never, "settle a message") else { return }
        settle(place, outcome, lockAnyway(died))
    }

    /// A turn of an object that may be closed.
    private func lockAnyway(_ died: Bool) -> Turn {
        var turn = Turn(deaths: participant.table.deathCount.loadAcquiring())
        if died {
            turn.leaving = table.recover(QueueTable.Owners(participant: participant))
            turn.wakes.signalAll(table)
        }
        return turn
    }

    private func settle(_ place: QueueTable.Place, _ outcome: Outcome, _ turn: Turn) {
        var turn = turn
        switch outcome {
        case .received:
            if let blocks = table.settle(place, owner, isReceived: true) {
                turn.wakes.signalRoom(table, blocks: blocks)
            }
        case .givenBack:
            let deadLetters = table.get(.deadLetters)
            if table.settle(place, owner, isReceived: false) != nil {
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
            if table.isOwned(place, owner, .filling) {
                turn.wakes.signalRoom(table, blocks: table.free(place.link, hadOwner: true))
            }
        }
        leave(turn)
    }
}
