import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSystem

/// What a sender to a shared queue does in each turn before it offers its message.
enum SendingRule {
    case plain
    /// Where there is no room, the oldest messages of the lowest priorities that nobody has go for this one. The word counts
    /// them.
    case dropsOldest(SharedWord64)
    /// An answer: as long as somebody waits for it.
    case answers(ReturnAddress)

    /// Whether somebody who waits for room may drop what others have sent.
    var drops: Bool { if case .dropsOldest = self { true } else { false } }

    enum Finding {
        case goesOn
        /// Nobody waits for the answer any more.
        case isLate
        case requesterIsGone
    }
}

extension QueueCore {
    /// In each turn, after the death count was read: a death that comes later ends the sleep.
    @inline(__always)
    func prepare(_ rule: SendingRule, blocks: Int, _ turn: inout Turn) -> SendingRule.Finding {
        switch rule {
        case .plain: return .goesOn
        case .dropsOldest(let counter):
            evict(for: blocks, counter, &turn)
            return .goesOn
        case .answers(let address): return lookForRequester(address, &turn)
        }
    }

    /// Drops the oldest messages of the lowest priorities that nobody has, until one of so many blocks fits; none where that
    /// would not be enough. With the lock; `dropped` counts them.
    private func evict(for blocks: Int, _ dropped: SharedWord64, _ turn: inout Turn) {
        let count = table.oldestInTheWay(of: blocks)
        guard count > 0 else { return }
        var freed: UInt32 = 0
        for _ in 0..<count {
            let priority = table.priorityMask.trailingZeroBitCount
            let link = priority < QueueTable.priorities ? table.listHead(.priority(priority)).loadRelaxed() : 0
            guard link != 0 else { break }
            // First: whoever dies between the two has counted one too many, not one too few.
            dropped.add(1)
            freed = freed &+ table.drop(link)
        }
        signalTaken(&turn, blocks: freed)
    }

    // MARK: Reply places

    /// In the reply place of a mailbox's object: the lowest number of a request that goes on, or one more than the last.
    var firstAwaited: SharedWord64 { memory.payload.word64(40) }

    private func lookForRequester(_ address: ReturnAddress, _ turn: inout Turn) -> SendingRule.Finding {
        let requester = OwnerWord(rawValue: address.owner)
        if requester.isFree || participant.table.isDead(requester) { return .requesterIsGone }
        let first = firstAwaited.loadAcquiring()
        if address.number < first { return .isLate }
        // Late answers of others are in nobody's way.
        if first > 1 { dropReady(&turn) { UInt64(clamping: $0) < first } }
        return .goesOn
    }

    /// Drops the messages that can be received and whose types `isLate`.
    func dropReady(_ turn: inout Turn, where isLate: (Int) -> Bool) {
        var (mask, steps, freed) = (table.priorityMask, table.shape.blockLimit, UInt32(0))
        while mask != 0 {
            var link = table.listHead(.priority(mask.trailingZeroBitCount)).loadRelaxed()
            mask &= mask - 1
            while link != 0, steps > 0 {
                let next = table.field(link, .nextMessage)
                if isLate(table.type(link)) { freed = freed &+ table.drop(link) }
                (link, steps) = (next, steps - 1)
            }
        }
        if freed > 0 { signalTaken(&turn, blocks: freed) }
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
