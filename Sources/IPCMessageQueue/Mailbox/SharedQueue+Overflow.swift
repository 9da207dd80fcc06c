import IPCCore
import IPCSystem

/// Sending work to share where a full mailbox does not make the sender wait.
///
/// Where the oldest messages go for the new one (`dropping`: the word that counts them), that is one turn with the lock: those
/// that must go, go, and the new one has their room, unless all of them together would not be enough. Then the sender waits
/// for room as others do, and for what it may drop: messages that are given back, or that somebody has written to their end.
extension SharedQueue {
    /// Sends if there is room. False when there is none.
    ///
    /// - Throws: as `send`; `.timedOut` and `.cancelled` of a wait for the lock.
    func attempt(_ bytes: RawSpan, _ label: QueueLabel, until deadline: Deadline) async throws(IPCError) -> Bool {
        let blocks = try check(bytes.byteCount, label)
        try core.checkSending()
        let turn = try await core.acquire(until: deadline, "send")
        switch try core.offer(bytes, label, blocks: blocks, counts: false, turn) {
        case .sent, .offered: return true
        case .full: return false
        case .reserved(let place):
            core.write(bytes, to: place)
            do throws(IPCError) {
                _ = try core.publish(place, try await core.acquire(until: deadline, "send"))
            } catch {
                await core.settle(place, .withdrawn, waits: false)
                throw error
            }
            return true
        }
    }

    /// The same on a thread that may block.
    func attemptBlocking(_ bytes: RawSpan, _ label: QueueLabel, until deadline: Deadline) throws(IPCError) -> Bool {
        let blocks = try check(bytes.byteCount, label)
        try core.checkSending()
        let turn = try core.acquireBlocking(until: deadline, "send")
        switch try core.offer(bytes, label, blocks: blocks, counts: false, turn) {
        case .sent, .offered: return true
        case .full: return false
        case .reserved(let place):
            core.write(bytes, to: place)
            do throws(IPCError) {
                _ = try core.publish(place, try core.acquireBlocking(until: deadline, "send"))
            } catch {
                core.settleLater(place, .withdrawn)
                throw error
            }
            return true
        }
    }
}

extension QueueCore {
    /// Drops the oldest messages of the lowest priorities that nobody has, until one of so many blocks fits; none where that
    /// would not be enough. With the lock; `dropped` counts them.
    func evict(for blocks: Int, _ dropped: SharedWord64, _ turn: inout Turn) {
        let count = table.oldestInTheWay(of: blocks)
        guard count > 0 else { return }
        var (evicted, freed) = (UInt64(0), UInt32(0))
        for _ in 0..<count {
            let priority = table.priorityMask.trailingZeroBitCount
            let link = priority < QueueTable.priorities ? table.listHead(.priority(priority)).loadRelaxed() : 0
            if link != 0 {
                freed = freed &+ table.drop(link)
                evicted += 1
            }
        }
        dropped.add(evicted)
        signalTaken(&turn, blocks: freed)
    }
}

extension QueueTable {
    /// How many of the oldest messages of the lowest priorities must go until one of so many blocks fits; 0 where all
    /// together would not be enough.
    fileprivate func oldestInTheWay(of blocks: Int) -> Int {
        let growth = shape.isGrowing ? max(0, shape.blockLimit - Int(blockCount)) : 0
        var (count, freed, steps) = (0, freeBlocks + growth, shape.blockLimit)
        func isEnough() -> Bool { Int(get(.messages)) - count < shape.messageLimit && freed >= blocks }
        var mask = priorityMask
        while mask != 0, !isEnough() {
            var link = listHead(.priority(mask.trailingZeroBitCount)).loadRelaxed()
            mask &= mask - 1
            while link != 0, steps > 0, !isEnough() {
                (count, freed, steps) = (count + 1, freed + shape.blocks(for: size(link)), steps - 1)
                link = field(link, .nextMessage)
            }
        }
        return isEnough() ? count : 0
    }
}
