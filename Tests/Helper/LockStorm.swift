import Glibc
import IPCSync
import IPCSystem

/// The record of a storm: a checksum over numbers that change with every turn.
struct StormRecord: PlainData {
    var values = InlineArray<24, UInt64>(repeating: 0)
    var sum: UInt64 = 0

    private var expected: UInt64 {
        var sum: UInt64 = 0
        for index in values.indices { sum = (sum ^ values[index]) &* 0x0000_0100_0000_01b3 }
        return sum
    }

    var isWhole: Bool { sum == expected }

    mutating func change() {
        for index in values.indices { values[index] = values[index] &* 3 &+ UInt64(index) &+ 1 }
        sum = expected
    }
}

/// Counts of a storm, in a region of their own.
struct StormTally {
    let memory: SharedMemory

    func word(_ index: Int) throws -> SharedAtomic { try memory.atomic(at: index * 64) }

    var progress: SharedAtomic { get throws { try word(0) } }
    var torn: SharedAtomic { get throws { try word(1) } }
    var intruders: SharedAtomic { get throws { try word(2) } }
    var reported: SharedAtomic { get throws { try word(3) } }
    var insider: SharedAtomic { get throws { try word(4) } }
    var points: SharedAtomic { get throws { try word(5) } }
    var passed: SharedAtomic { get throws { try word(6) } }
    /// Whether the process in that place is inside the lock and has said so.
    func inside(_ place: Int) throws -> SharedAtomic { try word(8 + place) }
}

/// `lock-storm FOLDER KILLS SEED`: six processes share a mutex over a checksummed record and a condition, and are killed
/// at random instants until that many are dead: some stopped before, so that it is known what they held, the others
/// without warning, in debug builds also by themselves between any two steps. No record may be torn, no two may be in the lock,
/// nobody may wait for more than four seconds, and who died with the lock must be reported.
func lockStorm(_ arguments: [String]) async throws -> Int32 {
    var storm = try LockStorm(folder: arguments[0], seed: UInt64(arguments[2]) ?? 1)
    return try storm.run(kills: Int(arguments[1]) ?? 1)
}

private struct LockStorm {
    static let processes = 6
    static let killPoints = [
        "lock-looks", "lock-taken", "take-over-begins", "take-over-done", "lock-sleepers-bit", "lock-sleeps",
        "lock-woke",
        "unlock-begins", "unlock-freed", "unlock-exchanged", "unlock-woke", "mutex-copied", "mutex-before-commit",
        "mutex-after-commit", "signal-begins", "signal-counted", "signal-woke", "wait-begins", "wait-sleeps",
        "wait-woke",
    ].map { "sync-\($0)" }

    let path: String
    let tally: StormTally
    var random: StormRandom
    var children: [Int32] = []
    var kills = 0
    /// Deaths with the lock that were seen to be that, and those of them that may have come before a report of their own.
    var (held, ambiguous) = (0, 0)
    var longestGap: UInt64 = 0

    init(folder: String, seed: UInt64) throws {
        path = "\(folder)/storm-\(seed)"
        tally = StormTally(memory: try SharedMemory(at: .file("\(path)-tally"), .create, byteCount: 4096))
        random = StormRandom(state: seed)
    }

    mutating func run(kills limit: Int) throws -> Int32 {
        for index in 0..<Self.processes { children.append(try start(index)) }
        var (last, lastLook, gap) = (UInt64(0), MonotonicClock.nanoseconds, UInt64(0))
        while kills < limit {
            usleep(UInt32(random.below(1500)))
            try disturb()
            let (progress, now) = (try tally.progress.load(), MonotonicClock.nanoseconds)
            // Time in which this process did not run either, says nothing.
            gap = progress == last ? gap + min(now - lastLook, 20_000_000) : 0
            (last, lastLook) = (progress, now)
            longestGap = max(longestGap, gap)
            try require(gap < 30_000_000_000, "nobody gets on after \(kills) kills")
            try require(try tally.torn.load() == 0, "a torn record after \(kills) kills")
            try require(try tally.intruders.load() == 0, "two in the lock after \(kills) kills")
        }
        for child in children { try end(child) }
        try finish()
        let reported = try tally.reported.load()
        say(
            "\(kills) kills (\(try tally.points.load()) at kill points), \(last) locks, \(try tally.passed.load()) passed by "
                + "the condition, \(held) seen to die with the lock (\(ambiguous) unclear), \(reported) reported, "
                + "longest gap \(longestGap / 1_000_000) ms, 0 torn, 0 intruders")
        try require(Int(reported) >= held - ambiguous, "deaths with the lock that nobody was told of")
        return 0
    }

    private mutating func disturb() throws {
        let place = random.below(children.count)
        switch random.below(3) {
        case 0: kill(children[place], SIGKILL)
        case 1: try stopLookKill(place)
        default: break
        }
        for index in children.indices {
            var status: Int32 = 0
            guard unsafe waitpid(children[index], &status, WNOHANG) == children[index] else { continue }
            try require(status & 0x7f == SIGKILL, "a process ended with \(status)")
            kills += 1
            children[index] = try start(index)
        }
    }

    /// While it is stopped, what it holds stays what it is.
    private mutating func stopLookKill(_ place: Int) throws {
        let child = children[place]
        kill(child, SIGSTOP)
        var info = unsafe siginfo_t()
        guard unsafe waitid(P_PID, id_t(child), &info, WSTOPPED | WEXITED | WNOWAIT) == 0 else { return }
        if unsafe info.si_code == CLD_STOPPED, try Self.holder(path) == child {
            held += 1
            if try tally.inside(place).load() != UInt64(child) { ambiguous += 1 }
        }
        kill(child, SIGKILL)
    }

    /// The number of the process that has the lock; this process takes no part, so it looks from outside.
    private static func holder(_ path: String) throws -> Int32? {
        let view = try SyncRegionView(path)
        return view.holder("record", StormRecord.self)
    }

    private mutating func start(_ index: Int) throws -> Int32 {
        let (seed, path, tally) = (random.next(), path, tally)
        return try TestingCalls.fork {
            LockStormer(path: path, tally: tally, place: index).live(StormRandom(state: seed), LockStorm.killPoints)
        }
    }

    private func end(_ child: Int32) throws {
        kill(child, SIGKILL)
        var status: Int32 = 0
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
    }

    /// Everybody is dead: the next one gets the lock, and the record is whole.
    private func finish() throws {
        let path = path
        let last = try TestingCalls.fork {
            alarm(60)
            do {
                let region = try SyncRegion(blockingAt: .file(path), .open, until: .after(.seconds(30)))
                let mutex = try region.mutex("record", of: StormRecord.self)
                let isWhole = try mutex.withLockBlocking(until: .after(.seconds(30))) { $0.isWhole }
                try require(isWhole, "the last record is torn")
                return 0
            } catch {
                say("the last one: \(error)")
                return 1
            }
        }
        var status: Int32 = -1
        try require(unsafe waitpid(last, &status, 0) == last && status == 0, "the last one ended with \(status)")
    }
}

/// One process of the storm.
private struct LockStormer {
    let path: String
    let tally: StormTally
    let place: Int

    func live(_ random: consuming StormRandom, _ points: [String]) -> Int32 {
        var random = random
        let own = UInt64(getpid())
        do {
            if random.below(2) == 0 {
                let counter = try tally.points
                KillPoints.arm(points[random.below(points.count)], passage: 1 + random.below(40)) {
                    counter.wrappingAdd(1)
                }
            }
            let region = try SyncRegion(blockingAt: .file(path), .openOrCreate, until: .after(.seconds(20)))
            let mutex = try region.mutex("record", of: StormRecord.self, initial: StormRecord())
            let queue = try region.mutex("queue", of: SyncTurn.self, initial: SyncTurn())
            let condition = try region.condition("filled")
            // A second thread of the process competes with the first.
            if random.below(3) == 0 {
                startThread { while (try? self.visit(mutex, own)) != nil {} }
            }
            while true {
                try visit(mutex, own)
                try pass(queue, condition)
            }
        } catch {
            say("stormer: \(error)")
            return 9
        }
    }

    private func visit(_ mutex: ProcessMutex<StormRecord>, _ own: UInt64) throws {
        let guarded = try mutex.lockBlocking()
        if guarded.previousOwnerDied { try tally.reported.wrappingAdd(1) }
        try tally.inside(place).store(own)
        let before = try tally.insider.exchange(own)
        // Whoever died inside has left his number.
        if before != 0 && !guarded.previousOwnerDied { try tally.intruders.wrappingAdd(1) }
        if !guarded.value.isWhole { try tally.torn.wrappingAdd(1) }
        guarded.value.change()
        if try tally.insider.exchange(0) != own { try tally.intruders.wrappingAdd(1) }
        try tally.progress.wrappingAdd(1)
        try tally.inside(place).store(0)
        try guarded.unlock()
    }

    /// Half of the processes put something into a queue, the others wait for it.
    private func pass(_ queue: ProcessMutex<SyncTurn>, _ condition: ProcessCondition) throws {
        if place % 2 == 0 {
            try queue.withLockBlocking { $0.turn += 1 }
            condition.signal()
        } else {
            let guarded = try queue.lockBlocking(when: condition, until: .after(.seconds(20))) { $0.turn > 0 }
            guarded.value.turn -= 1
            try guarded.unlock()
            try tally.passed.wrappingAdd(1)
        }
    }
}
