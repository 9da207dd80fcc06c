import IPCParticipants
import IPCSystem

/// After a death: what the dead had is freed or given again, and the cache is made anew from the states of the messages.
/// With the lock; whoever dies here leaves it to the next one.
extension QueueTable {
    /// What is asked about owners.
    struct Owners {
        let participant: Participant

        func isDead(_ owner: OwnerWord) -> Bool { owner.isFree || participant.table.isDead(owner) }
        func isGone(_ owner: OwnerWord) -> Bool { owner.isFree || participant.departure(of: owner) == .gone }
    }

    /// - Parameter isSuspect: the machine has stopped since, so that parts of a message may be older than others.
    /// - Returns: a dead process whose threads may still write into blocks: they are freed when it is gone.
    @discardableResult
    func recover(_ owners: Owners, isSuspect: Bool = false) -> OwnerWord? {
        // What the disk has of these two may be older than what it has of the blocks. In a file all room is there.
        if isSuspect {
            blockCount = UInt32(shape.blockLimit)
            highWater = UInt32(shape.blockLimit)
        }
        // First, so that a death after this is looked at again.
        let deaths = owners.participant.table.deathCount.loadAcquiring()
        var scan = QueueScan(self, owners, isSuspect)
        scan.lookAtMessages()
        KillPoints.pass("queue-recovery-scanned")
        scan.rebuild()
        KillPoints.pass("queue-recovery-rebuilt")
        if scan.leaving == nil { set(.seenDeaths, deaths) }
        return scan.leaving
    }
}

/// One look at all blocks.
private struct QueueScan {
    private typealias Link = QueueTable.Link

    private let table: QueueTable
    private let owners: QueueTable.Owners
    private let isSuspect: Bool
    private let blockCount: Int
    private var isUsed: [UInt64]
    private var ready: [(number: UInt64, link: Link)] = []
    private var dead: [(number: UInt64, link: Link)] = []
    private var (messages, owned, leased, usedBytes, damaged) = (0, 0, 0, 0, 0)
    private var lastNumber: UInt64 = 0
    private(set) var leaving: OwnerWord?

    init(_ table: QueueTable, _ owners: QueueTable.Owners, _ isSuspect: Bool) {
        self.table = table
        self.owners = owners
        self.isSuspect = isSuspect
        blockCount = Int(min(table.highWater, table.blockCount))
        isUsed = [UInt64](repeating: 0, count: blockCount / 64 + 1)
    }

    mutating func lookAtMessages() {
        for index in 0..<blockCount {
            let link = Link(index + 1)
            let state = table.state(link)
            if state.kind != .free { look(at: link, settle(link, state)) }
        }
    }

    /// What becomes of a message whose owner may be dead.
    private mutating func settle(_ link: Link, _ state: MessageState) -> MessageState {
        guard state.hasOwner else { return state }
        let owner = OwnerWord(rawValue: table.wide(link, .owner))
        guard owners.isDead(owner) else { return state }
        switch state.kind {
        case .leased:
            let limit = table.shape.maximumDeliveries
            let isOver = limit > 0 && state.deliveries >= limit
            return commit(link, MessageState(isOver ? .deadLetter : .ready, deliveries: state.deliveries))
        case .filling:
            guard owners.isGone(owner) else {
                leaving = owner
                return state
            }
            return commit(link, MessageState(.free))
        default:
            return commit(link, MessageState(.free))
        }
    }

    private func commit(_ link: Link, _ state: MessageState) -> MessageState {
        table.commit(link, state)
        KillPoints.pass("queue-recovery-settled")
        return state
    }

    private mutating func look(at link: Link, _ state: MessageState) {
        guard state.kind != .free else { return }
        guard mark(link) else {
            // Two messages cannot have one block: one of the two was not whole.
            damaged += 1
            return table.commit(link, MessageState(.free))
        }
        let number = table.wide(link, .sequence)
        lastNumber = max(lastNumber, number)
        if state.kind == .deadLetter { return dead.append((number, link)) }
        messages += 1
        usedBytes += table.size(link)
        if state.hasOwner { owned += 1 }
        if state.kind == .leased { leased += 1 }
        if state.isReceivable { ready.append((number, link)) }
    }

    /// Marks the blocks of a message as used. False, and nothing is marked, when that cannot be.
    private mutating func mark(_ link: Link) -> Bool {
        let count = table.shape.blocks(for: table.size(link))
        var chain: [Int] = []
        var next = link
        while chain.count < count {
            let index = Int(next) - 1
            guard index >= 0, index < blockCount, isUsed[index / 64] & 1 << UInt64(index % 64) == 0,
                chain.isEmpty || table.state(next).kind == .free
            else { return false }
            chain.append(index)
            next = table.field(next, .next)
        }
        if isSuspect, Set(chain).count < count || table.wide(link, .checksum) != table.checksum(link) { return false }
        for index in chain { isUsed[index / 64] |= 1 << UInt64(index % 64) }
        return true
    }

    mutating func rebuild() {
        table.priorityMask = 0
        for number in 0..<QueueTable.priorities { clear(.priority(number)) }
        clear(.deadLetters)
        table.set(.depth, 0)
        ready.sort { $0.number < $1.number }
        for (_, link) in ready { table.appendReady(link) }
        dead.sort { $0.number < $1.number }
        for (_, link) in dead { table.append(link, to: .deadLetters) }
        table.set(.deadLetters, UInt32(dead.count))
        table.set(.messages, UInt32(messages))
        table.set(.owned, UInt32(owned))
        table.set(.leased, UInt32(leased))
        table.usedBytes = UInt64(usedBytes)
        // Never a number again: whoever waits for a message knows it by its number.
        table.nextSequence = max(table.nextSequence, lastNumber &+ 1)
        if damaged > 0 { table.add(.damaged, Int32(damaged)) }
        rebuildFreeList()
    }

    private func clear(_ list: QueueList) {
        table.listHead(list).storeRelaxed(0)
        table.listTail(list).storeRelaxed(0)
    }

    /// The lowest block comes first.
    private func rebuildFreeList() {
        var (head, count) = (Link(0), UInt32(0))
        for index in (0..<blockCount).reversed() where isUsed[index / 64] & 1 << UInt64(index % 64) == 0 {
            let link = Link(index + 1)
            table.setField(link, .next, head)
            (head, count) = (link, count + 1)
        }
        table.set(.freeHead, head)
        table.set(.freeCount, count)
    }
}
