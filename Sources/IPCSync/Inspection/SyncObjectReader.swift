import IPCParticipants
import IPCSystem

/// A kind of object and how to read one without taking part. To add one: its line in ``all(_:)``.
struct SyncObjectReader {
    typealias Describe = (inout SyncObjectFacts, SharedBytes, ParticipantTable) -> Void

    let kind: SyncObjectKind
    /// How many bytes it has at least.
    let byteCount: Int
    let describe: Describe

    private init(_ kind: SyncObjectKind, _ byteCount: Int, _ describe: @escaping Describe) {
        (self.kind, self.byteCount, self.describe) = (kind, byteCount, describe)
    }

    /// All kinds, in a region with that many places for processes.
    static func all(_ slotCount: Int) -> [SyncObjectReader] {
        [
            SyncObjectReader(.mutex, LockLayout.byteCount, mutex),
            SyncObjectReader(.lock, LockLayout.byteCount, lock),
            SyncObjectReader(.condition, ProcessCondition.type.byteCount, condition),
            SyncObjectReader(.manualEvent, ProcessEvent.type(.manual).byteCount, event),
            SyncObjectReader(.automaticEvent, ProcessEvent.type(.automatic).byteCount, event),
            SyncObjectReader(.latch, ProcessLatch.type.byteCount, latch),
            SyncObjectReader(.once, ProcessOnce.type.byteCount, once),
            SyncObjectReader(.election, LeaderElection.type.byteCount, election),
            SyncObjectReader(.plainSemaphore, ProcessSemaphore.type(.plain, slotCount).byteCount, plainSemaphore),
            SyncObjectReader(.leasedSemaphore, ProcessSemaphore.type(.leased, slotCount).byteCount, leasedSemaphore),
            SyncObjectReader(.readWriteLock, ProcessReadWriteLock.type(slotCount).byteCount, readWriteLock),
            SyncObjectReader(.barrier, ProcessBarrier.type(slotCount).byteCount, barrier),
        ]
    }

    // MARK: Locks

    private static func mutex(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        let holder = facts.addOwner("owner", bytes, table)
        facts.waiters = lockWaiters(bytes)
        facts.state = holder.map { $0.isAlive ? "held" : "owner died" } ?? "free"
        facts.isInTrouble = holder?.isAlive == false
    }

    private static func lock(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        mutex(&facts, bytes, table)
        guard bytes.word32(LockLayout.poisoned).loadAcquiring() != 0 else { return }
        facts.state = "poisoned"
        facts.isInTrouble = true
    }

    private static func readWriteLock(
        _ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable
    ) {
        let isAwaited = bytes.word32(ProcessReadWriteLock.isAwaitedOffset).loadAcquiring() != 0
        let writer = facts.addOwner(isAwaited ? "waits to write" : "writes", bytes, table)
        let readers = facts.addCounts(bytes, ProcessReadWriteLock.cellsOffset, table) { _, count in
            count == 1 ? "reads" : "reads \(count) times"
        }.living
        facts.waiters = lockWaiters(bytes)
        let isWriterDead = writer?.isAlive == false
        let condition = bytes.word32(LockLayout.poisoned).loadAcquiring()
        facts.state =
            condition == ProcessReadWriteLock.poisoned
            ? "poisoned"
            : isWriterDead || condition == ProcessReadWriteLock.doubtful
                ? "writer died"
                : readers > 0 ? "read by \(readers)" : writer != nil ? "written" : "free"
        facts.isInTrouble = isWriterDead || condition != ProcessReadWriteLock.good
    }

    private static func lockWaiters(_ bytes: SharedBytes) -> Int {
        Int(bytes.word32(LockLayout.waiters).loadRelaxed())
    }

    // MARK: Permits

    private static func plainSemaphore(
        _ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable
    ) {
        facts.state = "\(bytes.word32(PlainSemaphore.valueOffset).loadAcquiring()) free"
        facts.waiters = Int(bytes.word32(PlainSemaphore.waitersOffset).loadRelaxed())
    }

    private static func leasedSemaphore(
        _ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable
    ) {
        let total = Int(bytes.word32(LeasedSemaphore.totalOffset).loadAcquiring())
        let permits = facts.addCounts(bytes, LeasedSemaphore.cellsOffset, table) { _, count in
            count == 1 ? "1 permit" : "\(count) permits"
        }
        facts.state = "\(max(0, total - permits.living)) of \(total) free"
        facts.waiters = Int(bytes.word32(LeasedSemaphore.waitersOffset).loadRelaxed())
        // For some instructions, unless somebody is stopped there.
        _ = facts.addOwner("takes or gives", bytes, table)
    }

    // MARK: Rounds and signs

    private static func barrier(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        let state = bytes.word32(ProcessBarrier.stateOffset).loadAcquiring()
        let total = bytes.word32(ProcessBarrier.totalOffset).loadAcquiring()
        let size = ParticipantCells.byteCount(table.slotCount)
        let arrivalsOffset = ProcessBarrier.cellsOffset + size * (1 + Int(state >> 1 & 1))
        var arrived = 0
        let members = facts.addCounts(bytes, ProcessBarrier.cellsOffset, table) { slot, count in
            let cell = bytes.word64(arrivalsOffset + slot * 8).loadAcquiring()
            let (owner, here) = ParticipantCells.read(cell, slot: slot)
            guard here > 0, !table.isDead(owner) else { return count == 1 ? "party" : "\(count) parties" }
            arrived += here
            return count == 1 ? "party, arrived" : "\(count) parties, \(here) arrived"
        }
        let isBroken = state & ProcessBarrier.isBroken != 0
        facts.isInTrouble = isBroken || members.dead > 0
        facts.state =
            isBroken ? "broken" : members.dead > 0 ? "party died" : "\(arrived) of \(total), round \(state >> 1)"
        facts.waiters = arrived
        _ = facts.addOwner("comes or goes", bytes, table)
    }

    private static func condition(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        facts.state = "\(bytes.word32(0).loadAcquiring()) signals"
        facts.waiters = Int(bytes.word32(ProcessCondition.waitersOffset).loadRelaxed())
    }

    private static func event(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        facts.state = bytes.word32(0).loadAcquiring() == 0 ? "not set" : "set"
        facts.waiters = Int(bytes.word32(ProcessEvent.waitersOffset).loadRelaxed())
    }

    private static func latch(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        let left = bytes.word32(0).loadAcquiring()
        facts.state = left == 0 ? "open" : "\(left) left"
        facts.waiters = Int(bytes.word32(ProcessLatch.waitersOffset).loadRelaxed())
    }

    private static func once(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        guard bytes.word32(ProcessOnce.doneOffset).loadAcquiring() == 0 else {
            facts.state = "done"
            return
        }
        let runner = facts.addOwner("runs it", bytes, table)
        facts.state = runner.map { $0.isAlive ? "being done" : "runner died" } ?? "not done"
        facts.waiters = lockWaiters(bytes)
        facts.isInTrouble = runner?.isAlive == false
    }

    private static func election(_ facts: inout SyncObjectFacts, _ bytes: SharedBytes, _ table: ParticipantTable) {
        let leader = facts.addOwner("leads", bytes, table)
        let term = bytes.word64(LeaderElection.termsOffset).loadAcquiring()
        let state = leader.map { $0.isAlive ? "led" : "leader died" } ?? "no leader"
        facts.state = "\(state), term \(term)"
        facts.waiters = lockWaiters(bytes)
        facts.isInTrouble = leader?.isAlive == false
    }
}
