import IPCCore
import IPCParticipants
import IPCSystem

/// Permits with the names of those who have them.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 32 | a lock, held for some instructions only |
/// | 32 | 4 | permits in all |
/// | 36 | 4 | permits in use: a cache of the sum of the cells |
/// | 40 | 4 | the death count at which it was added up |
/// | 44 | 4 | grows with each permit that returns: the futex |
/// | 48 | 4 | how many wait, a hint |
/// | 64 | 8 each | for each process, how many it has: the truth |
///
/// A process with permits stays in the region, whatever handles it drops: else they would be free for others while it goes
/// on working with them.
struct LeasedSemaphore: Sendable {
    static let totalOffset = 32
    static let usedOffset = 36
    static let waitersOffset = 48
    static let cellsOffset = 64

    static func byteCount(_ slotCount: Int) -> Int { cellsOffset + ParticipantCells.byteCount(slotCount) }

    private enum Step {
        case taken
        /// None is free: sleep.
        case sleep(UInt32)
        /// One who has some is dead, but may not be gone.
        case leaving(OwnerWord)
    }

    private let lock: LockWord
    private let total: SharedWord32
    private let used: SharedWord32
    private let seen: SharedWord32
    private let returns: SharedWord32
    private let waiters: SharedWord32
    private let cells: ParticipantCells
    private let sleeping: SyncSleep

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        lock = LockWord(bytes, region.participant)
        total = bytes.word32(Self.totalOffset)
        used = bytes.word32(Self.usedOffset)
        seen = bytes.word32(40)
        returns = bytes.word32(44)
        waiters = bytes.word32(Self.waitersOffset)
        cells = ParticipantCells(
            bytes: bytes.slice(Self.cellsOffset, ParticipantCells.byteCount(region.memory.slotCount)),
            participant: region.participant
        )
        sleeping = SyncSleep(region: region)
    }

    var available: Int { max(0, Int(total.loadRelaxed()) - Int(used.loadRelaxed())) }
    var holders: [ProcessShare] { cells.shares }
    var heldHere: Int { Int(cells.own) }
    var waiterCount: Int { Int(waiters.loadRelaxed()) }

    func tryTake() throws(IPCError) -> Bool {
        guard let died = try lock.tryLock("take a permit") else { return false }
        defer { lock.unlock() }
        if case .taken = try step(died, counts: false) { return true }
        return false
    }

    func take(until deadline: Deadline) async throws(IPCError) {
        var hasSlept = false
        while true {
            let deaths = sleeping.deathCount
            let died: Bool
            do throws(IPCError) {
                died = try await lock.lock(until: deadline, "take a permit")
            } catch {
                if hasSlept { passOn() }
                throw error
            }
            switch try unlocking({ () throws(IPCError) in try step(died, counts: true) }) {
            case .taken: return
            case .leaving(let owner):
                try await lock.participant.waitUntilGone(owner, until: deadline, "take a permit")
            case .sleep(let seen):
                defer { waiters.add(.max) }
                try await sleeping.sleep(on: returns, while: seen, deaths, until: deadline, "take a permit")
                hasSlept = true
            }
        }
    }

    func takeBlocking(until deadline: Deadline) throws(IPCError) {
        var hasSlept = false
        while true {
            let deaths = sleeping.deathCount
            let died: Bool
            do throws(IPCError) {
                died = try lock.lockBlocking(until: deadline, "take a permit")
            } catch {
                if hasSlept { passOn() }
                throw error
            }
            switch try unlocking({ () throws(IPCError) in try step(died, counts: true) }) {
            case .taken: return
            case .leaving(let owner):
                if deadline.hasPassed { throw .timedOut("take a permit") }
                lock.participant.waitUntilGone(owner)
            case .sleep(let seen):
                defer { waiters.add(.max) }
                try sleeping.sleepBlocking(on: returns, while: seen, deaths, until: deadline, "take a permit")
                hasSlept = true
            }
        }
    }

    /// Whoever has slept and leaves without a permit may have had the wake-up of another.
    private func passOn() {
        if waiters.loadSequential() != 0 { SharedFutexCalls.wake(returns, 1) }
    }

    func give() async throws(IPCError) {
        if let died = try lock.tryLock("give a permit") { return try finishGiving(died) }
        // A permit is given back whatever became of the task.
        let semaphore = self
        let result = await Task { () -> Result<Void, IPCError> in
            do throws(IPCError) {
                let died = try await semaphore.lock.lock(until: .never, "give a permit")
                return .success(try semaphore.finishGiving(died))
            } catch {
                return .failure(error)
            }
        }.value
        try result.get()
    }

    func giveBlocking() throws(IPCError) {
        try finishGiving(try lock.lockBlocking(until: .never, "give a permit"))
    }

    private func finishGiving(_ died: Bool) throws(IPCError) {
        let wakes = try unlocking { () throws(IPCError) -> Bool in
            _ = addUp(died)
            let own = cells.own
            guard own > 0 else {
                throw IPCError(.invalidArgument, "give a permit: this process has none")
            }
            guard cells.change(from: own, to: own - 1) else { throw lock.lost("give a permit") }
            if own == 1 { lock.participant.endUse() }
            KillPoints.pass("sync-lease-given")
            used.storeRelaxed(used.loadRelaxed() &- 1)
            returns.add(1)
            return waiters.loadSequential() != 0
        }
        KillPoints.pass("sync-lease-before-wake")
        if wakes { SharedFutexCalls.wake(returns, 1) }
    }

    private func unlocking<Value>(_ body: () throws(IPCError) -> Value) throws(IPCError) -> Value {
        defer { lock.unlock() }
        return try body()
    }

    /// With the lock: takes a permit if one is free.
    private func step(_ died: Bool, counts: Bool) throws(IPCError) -> Step {
        let leaving = addUp(died)
        guard used.loadRelaxed() < total.loadRelaxed() else {
            if let leaving { return .leaving(leaving) }
            let found = returns.loadSequential()
            if counts { waiters.add(1) }
            KillPoints.pass("sync-lease-sleeps")
            return .sleep(found)
        }
        let own = cells.own
        guard own < ParticipantCells.maximumCount else {
            throw IPCError(.resourceExhausted, "take a permit: this process has \(own) of them")
        }
        if own == 0 { try lock.participant.beginUse() }
        guard cells.change(from: own, to: own + 1) else {
            if own == 0 { lock.participant.endUse() }
            throw lock.lost("take a permit")
        }
        KillPoints.pass("sync-lease-taken")
        used.storeRelaxed(used.loadRelaxed() &+ 1)
        return .taken
    }

    /// With the lock: brings the number in use up to date if somebody has died since. The death count is read before the
    /// cells, so that a death in between makes the next one add up again.
    private func addUp(_ died: Bool) -> OwnerWord? {
        let deaths = lock.table.deathCount.loadAcquiring()
        guard died || seen.loadRelaxed() != deaths else { return nil }
        let (sum, leaving) = cells.sum()
        used.storeRelaxed(UInt32(clamping: sum))
        // Somebody who is not gone yet counts still, so this is not over.
        if leaving == nil { seen.storeRelaxed(deaths) }
        KillPoints.pass("sync-lease-added-up")
        if waiters.loadSequential() != 0 {
            returns.add(1)
            SharedFutexCalls.wake(returns)
        }
        return leaving
    }
}
