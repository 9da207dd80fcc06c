import IPCCore
import IPCParticipants
public import IPCSystem

/// How the objects of a region sleep: on a word of their own and on the count of deaths, so that whoever dies between a
/// change and its wake-up costs nobody more than a look.
struct SyncSleep: Sendable {
    let region: SyncRegion

    var participant: Participant { region.participant }
    var table: ParticipantTable { region.participant.table }

    /// Read it before looking at what the sleep is for.
    var deathCount: UInt32 { table.deathCount.loadAcquiring() }

    /// Sleeps while the word is `expected` and the death count `deaths`. A return is a hint.
    ///
    /// - Throws: `.cancelled`, `.timedOut`, `.participantLost`, `.resourceExhausted`.
    func sleep(
        on word: SharedWord32, while expected: UInt32, _ deaths: UInt32, until deadline: Deadline,
        _ doing: StaticString
    ) async throws(IPCError) {
        try participant.validate()
        try await FutexWatcher.shared.wait(
            while: WordExpectation(word, is: expected), and: WordExpectation(table.deathCount, is: deaths),
            keeping: participant.mappings, until: deadline, doing)
    }

    /// The same on a thread that may block.
    func sleepBlocking(
        on word: SharedWord32, while expected: UInt32, _ deaths: UInt32, until deadline: Deadline,
        _ doing: StaticString
    ) throws(IPCError) {
        if deadline.hasPassed { throw .timedOut("\(doing)") }
        try participant.sleep(on: word, while: expected, deathCount: deaths, until: deadline)
    }
}

/// A count for each process of a region, in one word each: the generation of the process (48 bits) and the count (16).
/// A count of a process that is gone is nobody's.
@usableFromInline
struct ParticipantCells: Sendable {
    let bytes: SharedBytes
    let participant: Participant
    /// The word of this process, and its generation in the place where it stands there.
    @usableFromInline let ownCell: SharedWord64
    @usableFromInline let ownGeneration: UInt64

    init(bytes: SharedBytes, participant: Participant) {
        self.bytes = bytes
        self.participant = participant
        ownCell = bytes.word64(participant.slot * 8)
        ownGeneration = participant.generation << 16
    }

    static func byteCount(_ slotCount: Int) -> Int { slotCount * 8 }
    @inlinable static var countMask: UInt64 { 0xffff }
    @inlinable static var maximumCount: UInt64 { 0xffff }

    private func cell(_ slot: Int) -> SharedWord64 { bytes.word64(slot * 8) }

    private func owner(_ slot: Int, _ value: UInt64) -> OwnerWord {
        OwnerWord(slot: slot, generation: value >> 16)
    }

    /// The count of this process.
    @inlinable @inline(__always)
    var own: UInt64 { count(ownCell.loadAcquiring()) }

    @inlinable @inline(__always)
    func count(_ value: UInt64) -> UInt64 {
        value & ~Self.countMask == ownGeneration ? value & Self.countMask : 0
    }

    /// Sets the count of this process from `before`, if it is that. One store: what it says is a fact from here on.
    @inlinable @inline(__always)
    func change(from before: UInt64, to after: UInt64) -> Bool {
        let found = ownCell.loadAcquiring()
        guard count(found) == before else { return false }
        return ownCell.replaceSequential(found, with: ownGeneration | after).isDone
    }

    /// The sum over the living. A dead one whose threads may not all be gone counts, and is named.
    func sum() -> (count: Int, leaving: OwnerWord?) {
        var sum = 0
        var leaving: OwnerWord?
        for slot in 0..<participant.table.slotCount {
            let value = cell(slot).loadSequential()
            guard value & Self.countMask != 0 else { continue }
            let owner = owner(slot, value)
            if participant.table.isDead(owner) {
                if participant.departure(of: owner) == .gone { continue }
                leaving = owner
            }
            sum += Int(value & Self.countMask)
        }
        return (sum, leaving)
    }

    /// Whose count the cell of a slot is, and how much; nil for none.
    func share(_ slot: Int) -> (owner: OwnerWord, count: Int)? {
        let value = cell(slot).loadSequential()
        guard value & Self.countMask != 0 else { return nil }
        return (owner(slot, value), Int(value & Self.countMask))
    }

    /// Whether a process has a count, a dead one included as long as its threads may not all be gone: when they are, the
    /// death count has grown once more.
    var hasAny: Bool {
        (0..<participant.table.slotCount).contains { slot in
            let value = cell(slot).loadSequential()
            guard value & Self.countMask != 0 else { return false }
            let owner = owner(slot, value)
            return !participant.table.isDead(owner) || participant.departure(of: owner) != .gone
        }
    }

    /// Whether a process died with a count.
    var hasDead: Bool {
        (0..<participant.table.slotCount).contains { slot in
            let value = cell(slot).loadSequential()
            return value & Self.countMask != 0 && participant.table.isDead(owner(slot, value))
        }
    }

    /// Sets all counts to zero. With the lock that protects the cells.
    func clearAll() {
        for slot in 0..<participant.table.slotCount { cell(slot).storeSequential(0) }
    }

    /// Takes the counts of the dead off; whether there were some. With the lock that protects the cells.
    func clearDead() -> Bool {
        var found = false
        for slot in 0..<participant.table.slotCount {
            let value = cell(slot).loadSequential()
            guard value & Self.countMask != 0, participant.table.isDead(owner(slot, value)) else { continue }
            found = cell(slot).replaceSequential(value, with: 0).isDone || found
        }
        return found
    }
}
