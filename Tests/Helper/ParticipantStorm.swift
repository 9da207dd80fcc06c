import Glibc
import IPCCore
import IPCParticipants
import IPCSystem

/// `participant-storm PATH SECONDS SEED`: six processes come and go in a region of six slots and share a lock, while they
/// are killed from outside at random times and, in debug builds, by themselves between any two steps; some are stopped for
/// a while. Nobody may wait for more than four seconds or find no slot, two may never be in the lock, and a record under
/// it may never be torn. No sleeper has a backstop worth the name, so that a lost wake-up is a hang.
///
/// The processes are forks of this one, which has a single thread: a start costs less than a millisecond.
func participantStorm(_ arguments: [String]) async throws -> Int32 {
    var storm = try Storm(path: arguments[0], seed: UInt64(arguments[2]) ?? 1)
    return try storm.run(seconds: Double(arguments[1]) ?? 1)
}

private struct Storm {
    static let processes = 6

    let field: StormField
    var random: StormRandom
    var children: [Int32] = []
    var kills = 0
    var stops = 0
    var longestGap: UInt64 = 0

    init(path: String, seed: UInt64) throws {
        field = StormField(try ParticipantRegion(path, slotCount: Self.processes), path: path)
        random = StormRandom(state: seed)
    }

    mutating func run(seconds: Double) throws -> Int32 {
        for index in 0..<Self.processes { children.append(try start(index)) }
        let begin = MonotonicClock.nanoseconds
        var (lastProgress, lastLook, gap) = (UInt64(0), begin, UInt64(0))
        while MonotonicClock.nanoseconds - begin < UInt64(seconds * 1e9) {
            usleep(UInt32(random.below(1500)))
            try disturb()
            let (progress, now) = (field.progress.loadAcquiring(), MonotonicClock.nanoseconds)
            // Time in which this process did not run either, says nothing.
            gap = progress == lastProgress ? gap + min(now - lastLook, 20_000_000) : 0
            (lastProgress, lastLook) = (progress, now)
            longestGap = max(longestGap, gap)
            try require(gap < 30_000_000_000, "nobody gets on: \(field.description)")
        }
        for child in children { try end(child) }
        try finish()
        say(
            "\(Int(seconds)) s: \(kills) deaths (\(field.points.loadRelaxed()) at kill points), \(stops) stops, "
                + "\(lastProgress) locks, \(field.takeovers.loadRelaxed()) taken over, "
                + "\(field.arrivals.loadRelaxed()) arrivals, \(field.departures.loadRelaxed()) departures, "
                + "\(field.late.loadRelaxed()) deaths found late, longest gap \(longestGap / 1_000_000) ms, "
                + "0 torn, 0 intruders")
        return 0
    }

    /// Kills, stops and replaces processes.
    private mutating func disturb() throws {
        if random.below(3) == 0 { kill(children[random.below(children.count)], SIGKILL) }
        if random.below(40) == 0 {
            let child = children[random.below(children.count)]
            stops += 1
            kill(child, SIGSTOP)
            usleep(UInt32(random.below(5000)))
            kill(child, SIGCONT)
        }
        for index in children.indices {
            var status: Int32 = 0
            guard unsafe waitpid(children[index], &status, WNOHANG) == children[index] else { continue }
            try require(status & 0x7f == SIGKILL, "a process ended with \(status): \(field.description)")
            kills += 1
            children[index] = try start(index)
        }
        try require(field.torn.loadRelaxed() == 0 && field.intruders.loadRelaxed() == 0, field.description)
    }

    private mutating func start(_ index: Int) throws -> Int32 {
        let seed = random.next()
        let field = field
        return try TestingCalls.fork { Stormer(field: field, random: StormRandom(state: seed)).live() }
    }

    private func end(_ child: Int32) throws {
        kill(child, SIGKILL)
        var status: Int32 = 0
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
    }

    /// Everybody is dead: the next one finds a slot and gets the lock.
    private func finish() throws {
        let field = field
        let last = try TestingCalls.fork {
            alarm(60)
            do {
                let participant = try field.region.attach(within: .seconds(120))
                let lock = StormLock(participant: participant, word: field.lockWord)
                _ = try lock.lock()
                try lock.unlock()
                try require(participant.table.liveCount == 1, "\(participant.table.liveCount) live")
                try participant.detachBlocking(until: .after(.seconds(60)))
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
private struct Stormer {
    let field: StormField
    var random: StormRandom

    consuming func live() -> Int32 {
        var random = random
        if random.below(2) == 0 {
            let points = StormField.killPoints
            let field = field
            KillPoints.arm(points[random.below(points.count)], passage: 1 + random.below(4)) { field.points.add(1) }
        }
        do {
            while true { try Self.visit(field, &random) }
        } catch {
            say("stormer: \(error)")
            return 9
        }
    }

    /// Comes, takes the lock a few times, on one thread or on two, and goes.
    private static func visit(_ field: StormField, _ random: inout StormRandom) throws {
        // Another mapping now and then: another place for the nodes.
        let region =
            random.below(4) == 0 ? try ParticipantRegion(field.path, slotCount: field.region.slotCount) : field.region
        let participant = try region.attach()
        field.arrivals.add(1)
        let lock = StormLock(participant: participant, word: field.lockWord)
        let rounds = random.below(30)
        let helper = FutexWord()
        if random.below(3) == 0 {
            startThread {
                for _ in 0..<rounds { _ = try? field.enter(lock) }
                helper.store(1)
                helper.wake()
            }
        } else {
            helper.store(1)
        }
        for _ in 0..<rounds { try field.enter(lock) }
        while helper.value == 0 { helper.wait(while: 0) }
        if random.below(8) == 0 {
            let second = try region.attach()
            try require(second.slot == participant.slot, "two slots of one process")
            second.detach()
        }
        try participant.detachBlocking(until: .after(.seconds(60)))
        field.departures.add(1)
        field.late.storeRelaxed(max(field.late.loadRelaxed(), KeeperFacts.lateAnnouncements))
    }
}
