public import IPCCore
import IPCParticipants
import IPCSystem

/// A place where a fixed number of parties wait for each other, again and again, and that says so when one of them is dead.
///
/// ```swift
/// let barrier = try region.barrier("step", parties: 4)
/// let party = try await barrier.join()
/// for step in 0..<10 {
///     try await compute(step)
///     try await party.arrive(until: .after(.seconds(10)))
/// }
/// ```
///
/// | who dies where | what the others see |
/// |---|---|
/// | before it joins | nothing: who waits needs a deadline |
/// | as a party, arrived or not, before the round is complete | `.peerClosed` for all who wait and all who come, until ``reset(until:)`` |
/// | as the last one that arrives | the round is complete, or as above |
/// | after it left (``Party/leave()``) | nothing |
///
/// Parties may be several in a process. Who waits and is cancelled, or whose deadline passes, has not arrived.
public final class ProcessBarrier: SyncObject {
    /// What listings call it.
    public static var objectKinds: Set<SyncObjectKind> { [.barrier] }
    /// The region that it lies in.
    public let region: SyncRegion
    static let isBroken: UInt32 = 1
    static let stateOffset = LockLayout.byteCount
    static let totalOffset = 36
    private static let brokenRoundsOffset = 40
    static let cellsOffset = 64

    /// How many parties make a round.
    public let parties: Int
    let lock: LockWord
    /// The round, times two, and whether it is broken: the futex. One store completes or breaks a round.
    let state: SharedWord32
    /// A bit for each of the last 64 rounds: whether it was broken. For those who look when it has been reset already.
    private let brokenRounds: SharedWord64
    /// How many parties each process has.
    let members: ParticipantCells
    /// How many of them have arrived: in the half of the rounds that is even, and in the other.
    private let arrivals: [ParticipantCells]
    let sleeping: SyncSleep

    static func type(_ slotCount: Int) -> SyncObjectType {
        let cells = 3 * ParticipantCells.byteCount(slotCount)
        return SyncObjectType(kind: SyncObjectKind.barrier.rawValue, name: "a barrier", byteCount: cellsOffset + cells)
    }

    static func check(_ parties: Int, _ object: String) throws(IPCError) {
        guard (1...65_535).contains(parties) else {
            throw IPCError(.invalidArgument, "make a barrier: 1 to 65,535 parties are possible", object: object)
        }
    }

    static func initialize(_ bytes: SharedBytes, _ parties: Int) {
        bytes.word32(totalOffset).storeRelaxed(UInt32(parties))
    }

    init(_ bytes: SharedBytes, _ region: SyncRegion, _ parties: Int) throws(IPCError) {
        let found = Int(bytes.word32(Self.totalOffset).loadAcquiring())
        guard found == parties else {
            throw IPCError(.typeMismatch, "open a barrier: expected \(parties) parties, found \(found)")
        }
        self.region = region
        self.parties = parties
        lock = LockWord(bytes, region.participant)
        state = bytes.word32(Self.stateOffset)
        brokenRounds = bytes.word64(Self.brokenRoundsOffset)
        let size = ParticipantCells.byteCount(region.memory.slotCount)
        let cells = (0..<3).map { index in
            ParticipantCells(
                bytes: bytes.slice(Self.cellsOffset + index * size, size), participant: region.participant)
        }
        members = cells[0]
        arrivals = [cells[1], cells[2]]
        sleeping = SyncSleep(region: region)
    }

    /// The rounds that are complete.
    public var completedRounds: Int { Int(state.loadAcquiring() >> 1) }

    /// Whether a party has died since the last ``reset(until:)``, as far as anybody has noticed.
    public var isBroken: Bool { state.loadAcquiring() & Self.isBroken != 0 }

    /// How many have joined.
    public var memberCount: Int { members.sum().count }

    /// Who has joined, and how often.
    public var memberProcesses: [ProcessShare] { members.shares }

    /// How many of them wait for the others, in this round.
    public var arrivedCount: Int { arrived(in: state.loadAcquiring()).sum().count }

    /// Becomes one of the parties.
    ///
    /// - Throws: `.busy` when there are as many as there can be; `.cancelled`, `.timedOut`, `.participantLost`.
    public func join(until deadline: Deadline = .never) async throws(IPCError) -> Party {
        _ = try await lock.lock(until: deadline, "join a barrier")
        return try joinAndUnlock()
    }

    /// The same on a thread that may block: never in a task.
    public func joinBlocking(until deadline: Deadline = .never) throws(IPCError) -> Party {
        _ = try lock.lockBlocking(until: deadline, "join a barrier")
        return try joinAndUnlock()
    }

    private func joinAndUnlock() throws(IPCError) -> Party {
        defer { lock.unlock() }
        breakIfSomebodyDied()
        guard members.sum().count < parties else {
            throw IPCError(.busy, "join a barrier: it has its \(parties) parties")
        }
        // Another party of this process may leave meanwhile, which needs no lock.
        while lock.own.loadRelaxed() != 0 {
            let own = members.own
            if members.change(from: own, to: own + 1) { return Party(self) }
        }
        throw lock.lost("join a barrier")
    }

    /// Makes a broken barrier whole: a new round begins with the parties that live. Others may join in the place of the dead.
    ///
    /// - Throws: `.cancelled`, `.timedOut`, `.participantLost`.
    public func reset(until deadline: Deadline = .never) async throws(IPCError) {
        _ = try await lock.lock(until: deadline, "reset a barrier")
        resetAndUnlock()
    }

    /// The same on a thread that may block: never in a task.
    public func resetBlocking(until deadline: Deadline = .never) throws(IPCError) {
        _ = try lock.lockBlocking(until: deadline, "reset a barrier")
        resetAndUnlock()
    }

    private func resetAndUnlock() {
        breakIfSomebodyDied()
        let found = state.loadAcquiring()
        if found & Self.isBroken != 0 {
            prepare(found &+ 2)
            // The round after the next has the same cells as this one; those of the next are clear.
            state.storeSequential((found &+ 2) & ~Self.isBroken)
        }
        lock.unlock()
        SharedFutexCalls.wake(state)
    }

    // MARK: With the lock

    func arrived(in round: UInt32) -> ParticipantCells { arrivals[Int(round >> 1 & 1)] }

    private func bit(_ round: UInt32) -> UInt64 { 1 << UInt64(round >> 1 & 63) }

    /// Whether a round that is over was broken.
    func wasBroken(_ round: UInt32) -> Bool { brokenRounds.loadSequential() & bit(round) != 0 }

    /// A round that is to come: nobody has arrived.
    private func prepare(_ round: UInt32) {
        arrived(in: round).clearAll()
        brokenRounds.storeSequential(brokenRounds.loadAcquiring() & ~bit(round))
    }

    /// Breaks the round if a party is dead: one store, and the cells of the dead are cleared after it, so that whoever dies
    /// in between leaves a broken barrier, or one whose dead are found again.
    func breakIfSomebodyDied() {
        guard members.hasDead else { return }
        let found = state.loadAcquiring()
        brokenRounds.storeSequential(brokenRounds.loadAcquiring() | bit(found))
        state.storeSequential(found | Self.isBroken)
        KillPoints.pass("sync-barrier-broken")
        _ = members.clearDead()
        SharedFutexCalls.wake(state)
    }

    /// Notes that a party of this process has arrived, and completes the round if it was the last one.
    ///
    /// - Returns: the state to wait on; nil when the round is complete.
    func arrive() throws(IPCError) -> UInt32? {
        breakIfSomebodyDied()
        let found = state.loadAcquiring()
        if found & Self.isBroken != 0 { throw Self.brokenError }
        let cells = arrived(in: found)
        let own = cells.own
        guard cells.change(from: own, to: own + 1) else { throw lock.lost("arrive at a barrier") }
        KillPoints.pass("sync-barrier-arrived")
        guard cells.sum().count >= parties else { return found }
        // The cells of the next round first: who dies between the two is found dead.
        prepare(found &+ 2)
        state.storeSequential(found &+ 2)
        KillPoints.pass("sync-barrier-completed")
        SharedFutexCalls.wake(state)
        return nil
    }

    /// Takes an arrival back; false when the round was completed or broken meanwhile.
    func withdraw(from round: UInt32) -> Bool {
        guard state.loadAcquiring() == round else { return false }
        let cells = arrived(in: round)
        let own = cells.own
        return own > 0 && cells.change(from: own, to: own - 1)
    }

    static var brokenError: IPCError {
        IPCError(.peerClosed, "wait at a barrier: a party died, so the round cannot be complete; reset it")
    }
}

extension SyncRegion {
    /// A barrier of this region, of `parties` that make a round, 1 to 65,535.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else, or for another number of parties; `.notFound`,
    ///   `.alreadyExists`, `.resourceExhausted`, `.invalidName`, `.invalidArgument`.
    public func barrier(
        _ name: String, _ intent: CreationIntent = .openOrCreate, parties: Int
    ) throws(IPCError) -> ProcessBarrier {
        try ProcessBarrier.check(parties, name)
        let type = ProcessBarrier.type(memory.slotCount)
        let bytes = try object(name, type, intent) { ProcessBarrier.initialize($0, parties) }
        return try ProcessBarrier(bytes, self, parties)
    }
}
