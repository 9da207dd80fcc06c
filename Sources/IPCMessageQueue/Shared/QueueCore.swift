import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSync
import IPCSystem
import Synchronization

/// One object's hold of a shared queue: the memory, the part in it, and turns with the lock.
final class QueueCore: TurnTaking {
    let memory: SharedMemory
    let participant: Participant
    let table: QueueTable
    let lock: LockWord
    let lines: WaitLines
    let ending = ObjectEnding()
    /// Whether looking again before a sleep has paid off lately: for messages, and for room.
    let messageLook = QueueLook()
    let roomLook = QueueLook()
    private let isAwaitingDeparture = Atomic<Bool>(false)

    /// Messages up to this size are copied with the lock held; larger ones while others go on.
    static let largestUnderLock = 4096

    init(_ memory: SharedMemory, _ participant: Participant) throws(IPCError) {
        self.memory = memory
        self.participant = participant
        let shape = try QueueShape(reading: memory.payload, memory.place.name)
        table = QueueTable(bytes: memory.payload, shape: shape)
        lines = table.lines
        lock = LockWord(memory.payload.slice(QueueTable.lockOffset, LockLayout.byteCount), participant)
    }

    @inline(__always)
    func lookForDeaths(_ previousOwnerDied: Bool, _ turn: inout Turn) {
        if previousOwnerDied || table.get(.seenDeaths) != turn.deaths { lookAfterDeath(previousOwnerDied, &turn) }
    }

    @inline(never)
    private func lookAfterDeath(_ withTheLock: Bool, _ turn: inout Turn) {
        guard withTheLock || table.get(.owned) > 0 else { return table.set(.seenDeaths, turn.deaths) }
        turn.leaving = table.recover(QueueTable.Owners(participant: participant))
        turn.wakes.signalAll(lines)
        if let leaving = turn.leaving { awaitDeparture(of: leaving) }
    }

    /// Until its threads are gone every turn looks at all messages again, so somebody finds out, even if nobody waits.
    /// In the child of a fork only the turns do.
    private func awaitDeparture(of leaving: OwnerWord) {
        if ProcessFacts.isForked { return }
        guard !isAwaitingDeparture.exchange(true, ordering: .sequentiallyConsistent) else { return }
        Task {
            try? await participant.waitUntilGone(leaving, until: .never, "look after a death")
            isAwaitingDeparture.store(false, ordering: .sequentiallyConsistent)
        }
    }

    func close() {
        if ending.close() { wakeAll() }
    }
}

/// The lines of those who wait for a shared queue.
extension WaitLine {
    /// Any message.
    static var receivers: WaitLine { WaitLine(index: 0) }
    /// A message of some type.
    static var selectors: WaitLine { WaitLine(index: 1) }
    /// One free block.
    static var senders: WaitLine { WaitLine(index: 2) }
    /// More than one.
    static var wideSenders: WaitLine { WaitLine(index: 3) }
    /// Somebody to take an offered message.
    static var offers: WaitLine { WaitLine(index: 4) }
}

extension LineWakes {
    /// Messages can be received that could not before.
    @inline(__always)
    mutating func signalMessages(_ table: QueueTable, _ count: UInt32 = 1) {
        signal(.receivers, table.lines, count)
        signal(.selectors, table.lines, .max)
    }

    /// So many blocks are free that were not before: as many messages of one block each may fit.
    @inline(__always)
    mutating func signalRoom(_ table: QueueTable, blocks: UInt32) {
        signal(.senders, table.lines, blocks)
        signal(.wideSenders, table.lines, .max)
    }

    /// Somebody took what others offer.
    @inline(__always)
    mutating func signalOffers(_ table: QueueTable) {
        if table.shape.isRendezvous { signal(.offers, table.lines, .max) }
    }
}
