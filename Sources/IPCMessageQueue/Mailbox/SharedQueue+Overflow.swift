import IPCCore
import IPCSystem

/// Sending work to share where a full mailbox does not make the sender wait.
extension SharedQueue {
    /// What became of a message that must not wait for room.
    struct Attempt {
        var isSent = false
        /// How many others went for it.
        var evicted: UInt64 = 0
    }

    /// Sends if there is room, or can be made by dropping others.
    ///
    /// - Throws: as `send`; `.timedOut` and `.cancelled` of a wait for the lock.
    func attempt(
        _ bytes: RawSpan, _ label: QueueLabel, evicts: Bool, until deadline: Deadline
    ) async throws(IPCError) -> Attempt {
        let blocks = try check(bytes.byteCount, label)
        var attempt = Attempt()
        var goesOn = true
        while goesOn, !attempt.isSent {
            try core.checkSending()
            let offer = try core.offer(
                bytes, label, blocks: blocks, counts: false, try await core.acquire(until: deadline, "send"))
            switch offer {
            case .sent, .offered: attempt.isSent = true
            case .full:
                goesOn = evicts ? core.evict(try await core.acquire(until: deadline, "send")) : false
                if goesOn { attempt.evicted += 1 }
            case .reserved(let place):
                core.write(bytes, to: place)
                do throws(IPCError) {
                    _ = try core.publish(place, try await core.acquire(until: deadline, "send"))
                } catch {
                    await core.settle(place, .withdrawn, waits: false)
                    throw error
                }
                attempt.isSent = true
            }
        }
        return attempt
    }

    /// The same on a thread that may block.
    func attemptBlocking(
        _ bytes: RawSpan, _ label: QueueLabel, evicts: Bool, until deadline: Deadline
    ) throws(IPCError) -> Attempt {
        let blocks = try check(bytes.byteCount, label)
        var attempt = Attempt()
        var goesOn = true
        while goesOn, !attempt.isSent {
            try core.checkSending()
            let offer = try core.offer(
                bytes, label, blocks: blocks, counts: false, try core.acquireBlocking(until: deadline, "send"))
            switch offer {
            case .sent, .offered: attempt.isSent = true
            case .full:
                goesOn = evicts ? core.evict(try core.acquireBlocking(until: deadline, "send")) : false
                if goesOn { attempt.evicted += 1 }
            case .reserved(let place):
                core.write(bytes, to: place)
                do throws(IPCError) {
                    _ = try core.publish(place, try core.acquireBlocking(until: deadline, "send"))
                } catch {
                    core.settleLater(place, .withdrawn)
                    throw error
                }
                attempt.isSent = true
            }
        }
        return attempt
    }

    /// The same without waiting for the lock either.
    func attemptNow(_ bytes: RawSpan, _ label: QueueLabel, evicts: Bool) throws(IPCError) -> Attempt {
        var attempt = Attempt(isSent: try trySend(bytes, labeled: label))
        while evicts, !attempt.isSent, let turn = try core.tryAcquire("send"), core.evict(turn) {
            attempt.evicted += 1
            attempt.isSent = try trySend(bytes, labeled: label)
        }
        return attempt
    }
}

extension QueueCore {
    /// Drops the oldest message of the lowest priority that nobody has, if there is one.
    func evict(_ turn: consuming Turn) -> Bool {
        let priority = table.priorityMask.trailingZeroBitCount
        let link = priority < QueueTable.priorities ? table.listHead(.priority(priority)).loadRelaxed() : 0
        if link != 0 {
            turn.wakes.signalRoom(table, blocks: table.drop(link))
        }
        leave(turn)
        return link != 0
    }
}
