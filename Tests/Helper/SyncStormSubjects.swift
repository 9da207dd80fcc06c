import Glibc
import IPCSync
import IPCSystem

let lockPoints = [
    "lock-looks", "lock-taken", "take-over-begins", "take-over-done", "lock-sleepers-bit", "lock-sleeps", "lock-woke",
    "unlock-begins", "unlock-freed", "unlock-exchanged", "unlock-woke",
]

func soon() -> Deadline { .after(.seconds(100)) }

/// A queue of few places between two halves of the processes.
struct StormQueue: PlainData {
    static let room = 4
    var items = 0
    var produced = 0
    var consumed = 0

    var isWhole: Bool { items == produced - consumed && (0...Self.room).contains(items) }
}

extension StormSubject {
    /// Both halves wait without a deadline: a wake-up that is lost stops everybody.
    static let conditions = StormSubject(
        name: "condition", processes: 6,
        killPoints: lockPoints + [
            "mutex-copied", "mutex-before-commit", "mutex-after-commit", "signal-begins", "signal-counted",
            "signal-woke",
            "wait-begins", "wait-sleeps", "wait-woke",
        ],
        life: .blocking { own in
            let region = try own.region()
            let queue = try region.mutex("queue", of: StormQueue.self, initial: StormQueue())
            let (notFull, notEmpty) = (try region.condition("not-full"), try region.condition("not-empty"))
            let produces = own.place % 2 == 0
            while true {
                let guarded = try queue.lockBlocking(when: produces ? notFull : notEmpty) {
                    produces ? $0.items < StormQueue.room : $0.items > 0
                }
                if !guarded.value.isWhole { try own.tally.torn.wrappingAdd(1) }
                if produces {
                    guarded.value.items += 1
                    guarded.value.produced += 1
                } else {
                    guarded.value.items -= 1
                    guarded.value.consumed += 1
                }
                try guarded.unlock()
                (produces ? notEmpty : notFull).signal()
                try own.tally.progress.wrappingAdd(1)
                try own.beat()
            }
        },
        finish: { own in
            let queue = try own.region().mutex("queue", of: StormQueue.self)
            let last = try queue.withLockBlocking(until: soon()) { $0 }
            try require(last.isWhole, "\(last)")
            try own.tally.count(0).store(UInt64(last.produced))
            try own.tally.count(1).store(UInt64(last.consumed))
        },
        sum: { tally, _ in "\(try tally.count(0).load()) put in, \(try tally.count(1).load()) taken out" })

    /// A record that its writers change in place, so that whoever dies leaves half of a change.
    static let readWriteLocks = StormSubject(
        name: "rwlock", processes: 6,
        killPoints: lockPoints + ["reader-counted", "reader-gone", "writer-looks", "recovery-begins"],
        life: .blocking { own in
            let record = StormShared(tally: own.tally)
            let lock = try own.region().readWriteLock("record") { try record.repair() }
            let number = UInt64(getpid())
            while true {
                try own.say(.entering)
                if own.place % 3 == 0 {
                    let guarded = try lock.lockForWritingBlocking()
                    try own.say(.inside)
                    if try record.insider.exchange(number) != 0 { try own.tally.intruders.wrappingAdd(1) }
                    if try !record.isWhole { try own.tally.torn.wrappingAdd(1) }
                    try record.change()
                    if try record.insider.exchange(0) != number { try own.tally.intruders.wrappingAdd(1) }
                    try own.say(.leaving)
                    try guarded.unlock()
                } else {
                    let guarded = try lock.lockForReadingBlocking()
                    if try record.insider.load() != 0 { try own.tally.intruders.wrappingAdd(1) }
                    if try !record.isWhole { try own.tally.torn.wrappingAdd(1) }
                    if try record.insider.load() != 0 { try own.tally.intruders.wrappingAdd(1) }
                    try own.tally.count(12).wrappingAdd(1)
                    guarded.unlock()
                }
                try own.say(.outside)
                try own.tally.progress.wrappingAdd(1)
                try own.beat()
            }
        },
        finish: { own in
            let record = StormShared(tally: own.tally)
            let lock = try own.region().readWriteLock("record") { try record.repair() }
            let guarded = try lock.lockForWritingBlocking(until: soon())
            try require(try record.isWhole, "the last record is torn")
            try guarded.unlock()
            try require(lock.readerCount == 0, "\(lock.readerCount) readers are left")
        },
        sum: { tally, deaths in
            let repaired = Int(try tally.reported.load())
            // Whoever was killed on the way in may have repaired, on the way out may have left nothing to repair.
            try require(
                (deaths.inside...deaths.inside + deaths.unclear).contains(repaired),
                "\(repaired) repairs for \(deaths) of writers")
            return "\(deaths.inside) writers died inside (\(deaths.unclear) unclear), \(repaired) repairs, "
                + "\(try tally.count(12).load()) reads"
        })

    /// Three parties; in the place of a dead one comes another. Nobody may pass without the others.
    static let barriers = StormSubject(
        name: "barrier", processes: 3, killPoints: lockPoints, needsAll: true,
        life: .blocking { own in
            let barrier = try own.region().barrier("step", parties: 3)
            let party = try barrier.joinBlocking()
            let others = (0..<3).filter { $0 != own.place }
            let arrivals = try (0..<3).map { try own.tally.count($0) }
            var before: [UInt64]?
            while true {
                let seen = others.map { arrivals[$0].load() }
                arrivals[own.place].wrappingAdd(1)
                do throws(IPCError) {
                    try party.arriveBlocking()
                } catch {
                    guard error.code == .peerClosed else { throw error }
                    try own.tally.reported.wrappingAdd(1)
                    before = nil
                    try barrier.resetBlocking()
                    try own.beat()
                    continue
                }
                // Of two rounds in a row the others have arrived at one at least since before the first.
                if let before {
                    for (index, other) in others.enumerated() where arrivals[other].load() <= before[index] {
                        try own.tally.intruders.wrappingAdd(1)
                    }
                }
                before = seen
                try own.tally.progress.wrappingAdd(1)
                try own.beat()
            }
        },
        finish: { own in
            let barrier = try own.region().barrier("step", parties: 3)
            try barrier.resetBlocking(until: soon())
            var parties: [ProcessBarrier.Party] = []
            for _ in 0..<3 { parties.append(try barrier.joinBlocking(until: soon())) }
            let round = barrier.completedRounds
            let arrived = FutexWord()
            for party in parties.dropFirst() {
                startThread {
                    do { try party.arriveBlocking(until: soon()) } catch { sayAndLeave("\(error)") }
                    _ = arrived.add(1)
                    arrived.wake(.max)
                }
            }
            try parties[0].arriveBlocking(until: soon())
            while arrived.value < 2 { arrived.wait(while: arrived.value) }
            try require(barrier.completedRounds > round, "no round was completed")
            try own.tally.count(4).store(UInt64(barrier.completedRounds))
        },
        sum: { tally, _ in
            let told = try tally.reported.load()
            try require(told > 0, "nobody was told of a broken round")
            return "\(try tally.count(4).load()) rounds, \(told) times told that one was broken"
        })
}

private func sayAndLeave(_ text: String) {
    say(text)
    exitNow(1)
}

/// A record in the memory of the tally.
struct StormShared {
    let tally: StormTally

    var insider: SharedAtomic { get throws { try tally.insider } }
    private var sum: SharedAtomic { get throws { try tally.count(8) } }
    private func value(_ index: Int) throws -> SharedAtomic { try tally.count(index) }

    private var expected: UInt64 {
        get throws {
            try (0..<8).reduce(into: UInt64(0)) { $0 = ($0 ^ (try value($1).load())) &* 0x0000_0100_0000_01b3 }
        }
    }

    var isWhole: Bool { get throws { try sum.load() == expected } }

    func change() throws {
        for index in 0..<8 {
            let value = try value(index)
            value.store(value.load() &* 3 &+ UInt64(index) &+ 1)
        }
        try sum.store(expected)
    }

    func repair() throws {
        try insider.store(0)
        try repairRecord()
    }

    func repairRecord() throws {
        try sum.store(expected)
        try tally.reported.wrappingAdd(1)
    }
}
