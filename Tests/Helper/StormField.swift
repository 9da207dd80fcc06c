import IPCParticipants
import IPCSystem

/// What the processes of a storm share, after the participant table: a lock, a record in two copies under it, and counts.
struct StormField: Sendable {
    static let killPoints = [
        "attach-locked", "attach-pending", "attach-generation", "attach-token", "attach-prepared", "attach-linked",
        "attach-listed", "attach-unlocked", "recycle-announced", "recycle-freed", "roster-counted", "roster-woke",
        "detach-locked", "detach-pending", "detach-unlinked", "detach-gone", "detach-dead", "detach-announced",
        "detach-token-woke", "detach-freed", "detach-ended",
        "sweep-token", "sweep-marked", "sweep-gone", "counted", "woke", "keeper-swept", "keeper-watches", "keeper-woke",
        "boot-announced", "boot-cleared",
    ].map { "participants-\($0)" }

    let region: ParticipantRegion
    let path: String

    init(_ region: ParticipantRegion, path: String) {
        self.region = region
        self.path = path
    }

    private func word(_ line: Int) -> SharedWord64 { region.words.word64(line * 64) }

    var lockWord: SharedWord64 { word(0) }
    /// Which copy of the record counts.
    private var index: SharedWord64 { word(1) }
    /// Who is in the lock.
    private var insider: SharedWord64 { word(2) }
    var progress: SharedWord64 { word(3) }
    var takeovers: SharedWord64 { word(4) }
    var arrivals: SharedWord64 { word(5) }
    var departures: SharedWord64 { word(6) }
    var late: SharedWord64 { word(7) }
    var points: SharedWord64 { word(8) }
    var torn: SharedWord64 { word(9) }
    var intruders: SharedWord64 { word(10) }
    private static let record = 16 * 64
    private static let recordWords = 24

    private func cell(_ copy: Int, _ item: Int) -> SharedWord64 {
        region.words.word64(Self.record + copy * 512 + item * 8)
    }

    var description: String {
        "lock \(String(lockWord.loadRelaxed(), radix: 16)), \(torn.loadRelaxed()) torn, "
            + "\(intruders.loadRelaxed()) intruders, \(participantRecords)"
    }

    private var participantRecords: [ParticipantRecord] {
        ParticipantTable(region.memory.bytes, slotCount: region.slotCount).records
    }

    /// Takes the lock, looks at the record, changes it, and lets go.
    func enter(_ lock: StormLock) throws {
        let wasTakenOver = try lock.lock()
        if wasTakenOver { takeovers.add(1) }
        let own = lock.participant.ownerWord
        let before = insider.exchange(own)
        // Whoever died inside has left his name.
        if before != 0 && !wasTakenOver && lock.participant.table.isLive(OwnerWord(rawValue: before)) {
            intruders.add(1)
        }
        let current = Int(index.loadAcquiring() & 1)
        var values = (0..<Self.recordWords).map { cell(current, $0).loadRelaxed() }
        if values.last != Self.sum(values.dropLast()) { torn.add(1) }
        values = values.dropLast().enumerated().map { $1 &* 3 &+ UInt64($0) &+ 1 }
        values.append(Self.sum(values[...]))
        for (item, value) in values.enumerated() { cell(1 - current, item).storeRelaxed(value) }
        index.storeReleasing(UInt64(1 - current))
        if insider.exchange(0) != own { intruders.add(1) }
        progress.add(1)
        try lock.unlock()
    }

    /// The record of a new region, which is all zeros, adds up as well.
    private static func sum(_ values: ArraySlice<UInt64>) -> UInt64 {
        values.reduce(0) { ($0 ^ $1) &* 0x0000_0100_0000_01b3 }
    }
}

/// Numbers that can be had again from their seed.
struct StormRandom: Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
