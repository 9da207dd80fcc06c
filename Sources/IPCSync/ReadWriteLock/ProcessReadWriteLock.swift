public import IPCCore
public import IPCSystem

/// A lock that many readers may have at once, or one writer.
///
/// ```swift
/// let lock = try region.readWriteLock("index")
/// try await lock.read { search() }
/// try await lock.write { insert() }
/// ```
///
/// | who dies where | what the others see |
/// |---|---|
/// | a reader | nothing: it does not count any more, and a writer that waits is woken |
/// | a writer | the next one, reader or writer, is alone with the lock, runs its recovery, and goes on |
/// | a writer, and the next one has no recovery, or it throws | `.poisoned` for that one and all after it, until ``repair(until:_:)`` |
/// | who runs a recovery | the next one runs its own |
/// | a waiter | nothing |
///
/// Each process has a word that says how many readers it has, so readers of different processes do not disturb each other:
/// uncontended, a read costs two atomic exchanges on a line of its own. Writers go first: a reader that comes while one has
/// the lock or waits for it queues behind it.
///
/// - **Not recursive**: who reads and reads again waits for a writer in between, who waits for it; both until their deadlines.
///   Let the function that locks call one that does not.
/// - **Not upgradable**: of two readers who want to become writers each would wait for the other. Let go, take the lock for
///   writing, and look again at what may have changed; or lock for writing at once. Who writes while it reads waits for
///   itself, until its deadline.
public final class ProcessReadWriteLock: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.readWriteLock] }
    /// The region that it lies in.
    public let region: SyncRegion
    /// Repairs what a dead writer left, alone with the lock. What it throws poisons the lock.
    public typealias Recovery = @Sendable () throws -> Void

    @usableFromInline let lock: LockWord
    /// Grows when a reader goes that a writer waits for: the futex.
    let goings: SharedWord32
    /// Whether a writer waits for readers. By whoever has the writer's word alone, so one who dies leaves nothing wrong.
    @usableFromInline let isAwaited: SharedWord32
    @usableFromInline let readers: ParticipantCells
    /// Whether a writer died and left what it wrote to be repaired.
    @usableFromInline let condition: SharedWord32
    let sleeping: SyncSleep
    private let recovery: Recovery?

    static let isAwaitedOffset = LockLayout.byteCount + 4
    static let cellsOffset = 64

    static func type(_ slotCount: Int) -> SyncObjectType {
        SyncObjectType(
            kind: SyncObjectKind.readWriteLock.rawValue, name: "a read-write lock",
            byteCount: cellsOffset + ParticipantCells.byteCount(slotCount))
    }

    init(_ bytes: SharedBytes, _ region: SyncRegion, _ recovery: Recovery?) {
        self.region = region
        lock = LockWord(bytes, region.participant)
        goings = bytes.word32(LockLayout.byteCount)
        isAwaited = bytes.word32(Self.isAwaitedOffset)
        readers = ParticipantCells(
            bytes: bytes.slice(Self.cellsOffset, ParticipantCells.byteCount(region.memory.slotCount)),
            participant: region.participant
        )
        condition = bytes.word32(LockLayout.poisoned)
        sleeping = SyncSleep(region: region)
        self.recovery = recovery
    }

    /// Who writes, or waits for readers to go; nil when nobody does.
    public var writer: LockHolder? { lock.holder }

    /// How many read, in all processes.
    public var readerCount: Int { readers.sum().count }

    /// Who reads.
    public var readerProcesses: [ProcessShare] { readers.shares }

    /// Whether a recovery has failed and nobody has repaired it since.
    public var isPoisoned: Bool { condition.loadAcquiring() == Self.poisoned }

    @inlinable static var good: UInt32 { 0 }
    static let poisoned: UInt32 = 1
    /// A writer died, and nobody has tried to repair what it left.
    static let doubtful: UInt32 = 2

    @inlinable @inline(__always)
    var isGood: Bool { condition.loadAcquiring() == Self.good }

    // MARK: Steps

    /// A reader comes: it is in if nobody writes. Its word first, then a look at the writer's; a writer does it the other
    /// way round, so one of the two sees the other.
    func enter() throws(IPCError) -> Bool {
        try count(1)
        return stays()
    }

    /// The same in one try, against nobody; false also for what ``enter()`` throws.
    @inlinable @inline(__always)
    func enterFree() -> Bool {
        let found = readers.ownCell.loadRelaxed()
        // A word of this process with room for one more, which is what it is but for the first time.
        guard lock.own.loadRelaxed() != 0, found &- readers.ownGeneration < ParticipantCells.maximumCount,
            readers.ownCell.replaceSequential(found, with: found + 1).isDone
        else { return false }
        return stays()
    }

    @inlinable @inline(__always)
    func stays() -> Bool {
        KillPoints.pass("sync-reader-counted")
        if lock.word.loadSequential() == 0 && isGood { return true }
        leave()
        return false
    }

    /// A reader goes.
    @inlinable @inline(__always)
    func leave() {
        let found = readers.ownCell.loadRelaxed()
        let hasLeft =
            lock.own.loadRelaxed() != 0 && found &- readers.ownGeneration &- 1 < ParticipantCells.maximumCount
            && readers.ownCell.replaceSequential(found, with: found &- 1).isDone
        guard hasLeft || leaveSlowly() else { return }
        KillPoints.pass("sync-reader-gone")
        if isAwaited.loadSequential() != 0 { wakeWriter() }
    }

    /// Against other threads of this process. False in the child of a fork, which has nothing to give back.
    @usableFromInline
    @inline(never)
    func leaveSlowly() -> Bool {
        guard lock.own.loadRelaxed() != 0 else { return false }
        try? count(-1)
        return true
    }

    @usableFromInline
    @inline(never)
    func wakeWriter() {
        goings.add(1)
        SharedFutexCalls.wake(goings)
    }

    /// With the writer's word: in as a reader, whatever follows.
    func enterAsOwner() throws(IPCError) {
        defer { lock.unlock() }
        try count(1)
    }

    /// The change of the count of this process, against its other threads, and why it is not possible.
    func count(_ change: Int) throws(IPCError) {
        guard lock.own.loadRelaxed() != 0 else { throw lock.lost("lock for reading") }
        while true {
            let own = readers.own
            guard own < ParticipantCells.maximumCount || change < 0 else {
                throw IPCError(.resourceExhausted, "lock for reading: \(own) readers of this process have it")
            }
            guard own > 0 || change > 0 else { return }
            if readers.change(from: own, to: UInt64(Int(own) + change)) { return }
        }
    }

    /// With the writer's word: what to sleep on until the readers are gone; nil when there are none.
    func readersLeft() -> (seen: UInt32, deaths: UInt32)? {
        let deaths = sleeping.deathCount
        // The writer's word is there before the look at the readers'; see `enter`.
        isAwaited.storeSequential(1)
        let seen = goings.loadSequential()
        MemoryFence.sequential()
        KillPoints.pass("sync-writer-looks")
        if readers.hasAny { return (seen, deaths) }
        isAwaited.storeSequential(0)
        return nil
    }

    /// A writer that has waited in vain.
    func giveUp() {
        isAwaited.storeSequential(0)
        lock.unlock()
    }

    /// With the writer's word: that a writer died is known from the word alone, which names another owner now. Before this
    /// store the word says it to the next one; after it, this does.
    func noteDeath(_ previousOwnerDied: Bool) {
        if previousOwnerDied, condition.loadAcquiring() == Self.good { condition.storeSequential(Self.doubtful) }
    }

    /// Alone with the lock: makes it good if a writer died, else lets go and throws `.poisoned`.
    func settle() throws(IPCError) {
        let found = condition.loadAcquiring()
        if found == Self.good { return }
        var reason = "an earlier recovery failed"
        if found == Self.doubtful {
            KillPoints.pass("sync-recovery-begins")
            reason = "a writer died, and there is no closure that repairs what it left"
            if let recovery {
                do {
                    try recovery()
                    condition.storeSequential(Self.good)
                    return
                } catch {
                    reason = "a writer died, and the recovery failed: \(error)"
                }
            }
            condition.storeSequential(Self.poisoned)
        }
        lock.unlock()
        throw IPCError(.poisoned, "take a read-write lock: \(reason); repair it")
    }

    /// Alone with the lock, after a repair.
    func makeGood() { condition.storeSequential(Self.good) }

    func finishWriting() throws(IPCError) {
        lock.local.holder.set(0)
        guard lock.unlock() else { throw lock.lost("unlock a read-write lock") }
    }
}

extension SyncRegion {
    /// A read-write lock of this region, with the `recovery` that repairs what a writer that died has left.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else; `.notFound`, `.alreadyExists`,
    ///   `.resourceExhausted`, `.invalidName`.
    public func readWriteLock(
        _ name: String, _ intent: CreationIntent = .openOrCreate, recovery: ProcessReadWriteLock.Recovery? = nil
    ) throws(IPCError) -> ProcessReadWriteLock {
        let type = ProcessReadWriteLock.type(memory.slotCount)
        return ProcessReadWriteLock(try object(name, type, intent) { _ in }, self, recovery)
    }
}
