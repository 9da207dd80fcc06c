import Glibc
import IPCSync
import IPCSystem

/// `lock-storm FOLDER KILLS SEED [counted]`: six processes share a mutex over a checksummed record and a condition, and are killed
/// at random instants until that many are dead: some stopped before, so that it is known what they held, the others
/// without warning, in debug builds also by themselves between any two steps. No record may be torn, no two may be in the lock,
/// each process must always get on, without a backstop, so that a wake-up that is lost is a hang, and who died with the lock must be reported, once: the reports are as many as
/// the dead that were inside, or more by some of those of which that is not known. `counted`: everybody is stopped for each
/// kill, so it is known who has the lock, and the reports must be exactly as many as the deaths with it.
func lockStorm(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    var storm = try LockStorm(
        folder: arguments[0], seed: UInt64(arguments[2]) ?? 1, isCounted: arguments.last == "counted")
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
    /// Those who died with the lock, and those who were on their way in or out, of which some had it.
    var deaths = StormDeaths()
    let isCounted: Bool
    /// Deaths with the lock, when all are counted; those that come before the one who is told has said so are told as one.
    var debts: UInt64 = 0
    /// The reports that there were at the last of them.
    var reportedAtDebt: UInt64?
    /// What was seen of those who were stopped before they were killed: whether they had the lock.
    var seen: [Int32: Bool] = [:]

    init(folder: String, seed: UInt64, isCounted: Bool) throws {
        self.isCounted = isCounted
        path = "\(folder)/storm-\(seed)"
        tally = try StormTally(besides: path)
        random = StormRandom(state: seed)
    }

    mutating func run(kills limit: Int) throws -> Int32 {
        defer { for child in children { kill(child, SIGKILL) } }
        for index in 0..<Self.processes { children.append(try start(index)) }
        var pulse = StormPulse(tally, places: Self.processes)
        var nextCalm = 20
        while kills < limit {
            usleep(UInt32(random.below(1500)))
            try disturb()
            try bury()
            if kills >= nextCalm {
                nextCalm = kills + 20
                try calm(&pulse)
            }
            try pulse.look("mutex, after \(kills) kills")
            try require(try tally.torn.load() == 0, "a torn record after \(kills) kills")
            try require(try tally.intruders.load() == 0, "two in the lock after \(kills) kills")
        }
        if isCounted { try stopAll(noting: nil) }
        for place in children.indices {
            kill(children[place], SIGKILL)
            var status: Int32 = 0
            try require(unsafe waitpid(children[place], &status, 0) == children[place], "waitpid")
            try note(status, place)
        }
        children = []
        try finish()
        let reported = Int(try tally.reported.load())
        say(
            "mutex: \(kills) kills (\(try tally.points.load()) at kill points), \(pulse.turns) locks, "
                + "\(try tally.passed.load()) passed by the condition, \(deaths.inside) died with the lock and "
                + "\(deaths.unclear) may have, \(reported) reported, "
                + "\(pulse), 0 torn, 0 intruders")
        if isCounted {
            say("mutex: \(debts) deaths with the lock to be told, \(reported) told")
            try require(reported == Int(debts), "deaths and reports differ")
            return 0
        }
        // Who was told and killed before he could report it had not yet said that he was inside.
        try require(reported >= deaths.inside, "deaths with the lock that nobody was told of")
        try require(reported <= deaths.inside + deaths.unclear, "reports of deaths that were none")
        return 0
    }

    /// A process is dead. What it has said last stands; whether it had the lock on the way in or out, is known of those who
    /// were stopped before.
    private mutating func note(_ status: Int32, _ place: Int) throws {
        try require(status & 0x7f == SIGKILL, "a process ended with \(status)")
        kills += 1
        let child = children[place]
        let states = try (0..<LockStormer.threads).map { try tally.state(place * LockStormer.threads + $0).load() }
        if states.contains(StormPlace.State.inside.rawValue) {
            deaths.inside += 1
        } else if states.contains(where: { $0 != StormPlace.State.outside.rawValue }), seen[child] ?? true {
            deaths.unclear += 1
        }
        seen[child] = nil
    }

    private mutating func disturb() throws {
        let place = random.below(children.count)
        if isCounted { return try killCounted(place) }
        switch random.below(3) {
        case 0: kill(children[place], SIGKILL)
        case 1: try stopLookKill(place)
        default: break
        }
    }

    /// Everybody stands still, one dies, and it is known whether it had the lock.
    private mutating func killCounted(_ place: Int) throws {
        try stopAll(noting: place)
        kill(children[place], SIGKILL)
        for child in children { kill(child, SIGCONT) }
        var info = unsafe siginfo_t()
        try require(unsafe waitid(P_PID, id_t(children[place]), &info, WEXITED | WNOWAIT) == 0, "waitid")
    }

    /// Stops everybody, and counts the death with the lock of the one in `place`, or whoever it is, who is killed next.
    private mutating func stopAll(noting place: Int?) throws {
        for child in children { kill(child, SIGSTOP) }
        for child in children {
            var info = unsafe siginfo_t()
            try require(unsafe waitid(P_PID, id_t(child), &info, WSTOPPED) == 0, "waitid")
        }
        // Nobody has the lock of a region that nobody has made.
        guard let holder = try? Self.holder(path), place.map({ children[$0] == holder }) ?? children.contains(holder)
        else {
            return
        }
        let reported = try tally.reported.load()
        if reportedAtDebt != reported { debts += 1 }
        reportedAtDebt = reported
    }

    /// One dies, and nobody else is killed nor comes for it until all others have got on.
    private mutating func calm(_ pulse: inout StormPulse) throws {
        let place = random.below(children.count)
        if isCounted { try killCounted(place) } else { kill(children[place], SIGKILL) }
        var status: Int32 = 0
        try require(unsafe waitpid(children[place], &status, 0) == children[place], "waitpid")
        try note(status, place)
        try pulse.calm(20, without: place..<place + 1, "mutex, after \(kills) kills") { try bury(except: place) }
        children[place] = try start(place)
    }

    /// Others come in the places of the dead.
    private mutating func bury(except absent: Int? = nil) throws {
        for index in children.indices where index != absent {
            var status: Int32 = 0
            guard unsafe waitpid(children[index], &status, WNOHANG) == children[index] else { continue }
            try note(status, index)
            children[index] = try start(index)
        }
    }

    /// While it is stopped, what it holds stays what it is.
    private mutating func stopLookKill(_ place: Int) throws {
        let child = children[place]
        kill(child, SIGSTOP)
        var info = unsafe siginfo_t()
        guard unsafe waitid(P_PID, id_t(child), &info, WSTOPPED | WEXITED | WNOWAIT) == 0 else { return }
        if unsafe info.si_code == CLD_STOPPED { seen[child] = try Self.holder(path) == child }
        kill(child, SIGKILL)
    }

    /// The number of the process that has the lock; this process takes no part, so it looks from outside.
    private static func holder(_ path: String) throws -> Int32? {
        let view = try SyncRegionView(at: .file(path))
        return view.holder("record")
    }

    private mutating func start(_ index: Int) throws -> Int32 {
        let (seed, path, tally, isCounted) = (random.next(), path, tally, isCounted)
        // Here, because the child may be killed before it says anything.
        for thread in 0..<LockStormer.threads {
            try tally.state(index * LockStormer.threads + thread).store(StormPlace.State.outside.rawValue)
        }
        try tally.beat(index).wrappingAdd(1)
        return try TestingCalls.fork {
            LockStormer(path: path, tally: tally, place: index)
                .live(StormRandom(state: seed), isCounted ? [] : LockStorm.killPoints)
        }
    }

    /// Everybody is dead: the next one gets the lock, and the record is whole.
    private func finish() throws {
        let (path, reported) = (path, try tally.reported)
        let last = try TestingCalls.fork {
            alarm(200)
            do {
                let region = try SyncRegion(blockingAt: .file(path), .open, until: .after(.seconds(100)))
                let mutex = try region.mutex("record", of: StormRecord.self)
                let guarded = try mutex.lockBlocking(until: .after(.seconds(100)))
                if guarded.previousOwnerDied { reported.wrappingAdd(1) }
                try require(guarded.value.isWhole, "the last record is torn")
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
    /// The threads that a process may have.
    static let threads = 2

    let path: String
    let tally: StormTally
    let place: Int

    func live(_ random: consuming StormRandom, _ points: [String]) -> Int32 {
        var random = random
        let own = UInt64(getpid())
        do {
            if !points.isEmpty && random.below(2) == 0 {
                let counter = try tally.points
                KillPoints.arm(points[random.below(points.count)], passage: 1 + random.below(40)) {
                    counter.wrappingAdd(1)
                }
            }
            // Without deadlines: whoever hangs is seen by the one who kills, and a machine may stand still for a while.
            let region = try SyncRegion(blockingAt: .file(path), .openOrCreate)
            let mutex = try region.mutex("record", of: StormRecord.self, initial: StormRecord())
            let queue = try region.mutex("queue", of: SyncTurn.self, initial: SyncTurn())
            let condition = try region.condition("filled")
            // A second thread of the process competes with the first.
            if random.below(3) == 0 {
                startThread { while (try? self.visit(mutex, own, 1)) != nil {} }
            }
            while true {
                try visit(mutex, own, 0)
                try pass(queue, condition)
                try tally.beat(place).wrappingAdd(1)
            }
        } catch {
            sayLine("stormer: \(error)")
            return 9
        }
    }

    private func say(_ state: StormPlace.State, _ thread: Int) throws {
        try tally.state(place * Self.threads + thread).store(state.rawValue)
    }

    private func visit(_ mutex: ProcessMutex<StormRecord>, _ own: UInt64, _ thread: Int) throws {
        try say(.entering, thread)
        let guarded = try mutex.lockBlocking()
        if guarded.previousOwnerDied { try tally.reported.wrappingAdd(1) }
        try say(.inside, thread)
        let before = try tally.insider.exchange(own)
        // Whoever died inside has left his number.
        if before != 0 && !guarded.previousOwnerDied { try tally.intruders.wrappingAdd(1) }
        if !guarded.value.isWhole { try tally.torn.wrappingAdd(1) }
        guarded.value.change()
        if try tally.insider.exchange(0) != own { try tally.intruders.wrappingAdd(1) }
        try tally.progress.wrappingAdd(1)
        try say(.leaving, thread)
        try guarded.unlock()
        try say(.outside, thread)
    }

    /// Half of the processes put something into a queue, the others wait for it.
    private func pass(_ queue: ProcessMutex<SyncTurn>, _ condition: ProcessCondition) throws {
        if place % 2 == 0 {
            try queue.withLockBlocking { $0.turn += 1 }
            condition.signal()
        } else {
            let guarded = try queue.lockBlocking(when: condition) { $0.turn > 0 }
            guarded.value.turn -= 1
            try guarded.unlock()
            try tally.passed.wrappingAdd(1)
        }
    }
}
