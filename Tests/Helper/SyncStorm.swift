import Glibc
import IPCSync
import IPCSystem

let syncStormScenarios: [String: Scenario] = [
    "sync-storm": syncStorm,
    "sync-fairness": syncFairness,
    "sync-many": syncMany,
]

/// `sync-storm KIND FOLDER KILLS SEED`: processes use one kind of object and are killed at random instants, in debug builds
/// also between any two steps, until that many are dead. Somebody must always get on, within four seconds; what each kind
/// promises is looked at all the time and, when all are dead, by a fresh process.
private func syncStorm(_ arguments: [String]) async throws -> Int32 {
    guard let subject = StormSubject.all[arguments[0]] else { throw Wrong("no such storm: \(arguments[0])") }
    var storm = try SyncStorm(subject, folder: arguments[1], seed: UInt64(arguments[3]) ?? 1)
    try storm.run(kills: Int(arguments[2]) ?? 1)
    return 0
}

/// What one kind of object has to stand.
struct StormSubject: Sendable {
    let name: String
    let processes: Int
    let killPoints: [String]
    /// The most processes that may be inside at once.
    var mostInside: Int?
    /// What the process in a place does until it is killed.
    let live: @Sendable (StormPlace) throws -> Void
    /// What a fresh process finds when all are dead.
    let finish: @Sendable (StormPlace) throws -> Void
    /// Adds up the counts, and says in words what came out.
    let sum: @Sendable (StormTally, StormDeaths) throws -> String

    static let all: [String: StormSubject] = [
        "condition": conditions, "rwlock": readWriteLocks, "barrier": barriers, "plain": plainSemaphores,
        "leased": leasedSemaphores, "event": events,
    ]
}

/// Where the processes that were killed were.
struct StormDeaths {
    /// Certainly inside.
    var inside = 0
    /// On the way in or out.
    var unclear = 0
}

/// One process of a storm.
struct StormPlace {
    /// What a process says of itself, before each step.
    enum State: UInt64 {
        case outside
        /// It has begun to take, and may have.
        case entering
        case inside
        /// It has begun to give, and may have.
        case leaving
    }

    let path: String
    let tally: StormTally
    let place: Int

    func region() throws -> SyncRegion {
        // Without a deadline: whoever hangs is seen by the one who kills, and a machine may stand still for a while.
        try SyncRegion(blockingAt: .file(path), .openOrCreate)
    }

    func say(_ state: State) throws { try tally.state(place).store(state.rawValue) }
}

extension StormTally {
    /// A `StormPlace.State`.
    func state(_ place: Int) throws -> SharedAtomic { try word(8 + place) }
    /// Counts that a storm uses as it likes.
    func count(_ index: Int) throws -> SharedAtomic { try word(24 + index) }
}

private struct SyncStorm {
    let subject: StormSubject
    let path: String
    let tally: StormTally
    var random: StormRandom
    var children: [Int32] = []
    var kills = 0
    var deaths = StormDeaths()
    var looks = 0
    var longestGap: UInt64 = 0

    init(_ subject: StormSubject, folder: String, seed: UInt64) throws {
        self.subject = subject
        path = "\(folder)/\(subject.name)-\(seed)"
        tally = StormTally(memory: try SharedMemory(at: .file("\(path)-tally"), .create, byteCount: 4096))
        random = StormRandom(state: seed)
    }

    mutating func run(kills limit: Int) throws {
        defer { for child in children { kill(child, SIGKILL) } }
        for place in 0..<subject.processes { children.append(try start(place)) }
        var (last, lastLook, gap) = (UInt64(0), MonotonicClock.nanoseconds, UInt64(0))
        var lastDisturbed = UInt64.max
        while kills < limit {
            usleep(UInt32(random.below(1500)))
            // Mostly when somebody has got on since: processes that are killed while they start find out nothing.
            if last != lastDisturbed || random.below(16) == 0 {
                lastDisturbed = last
                try disturb()
            }
            try bury()
            let (progress, now) = (try tally.progress.load(), MonotonicClock.nanoseconds)
            // Time in which this process did not run either, says nothing.
            gap = progress == last ? gap + min(now - lastLook, 20_000_000) : 0
            (last, lastLook) = (progress, now)
            longestGap = max(longestGap, gap)
            try require(gap < 4_000_000_000, "\(subject.name): nobody gets on after \(kills) kills")
            try require(try tally.torn.load() == 0, "\(subject.name): something torn after \(kills) kills")
            try require(try tally.intruders.load() == 0, "\(subject.name): an intruder after \(kills) kills")
        }
        for place in children.indices {
            kill(children[place], SIGKILL)
            var status: Int32 = 0
            try require(unsafe waitpid(children[place], &status, 0) == children[place], "waitpid")
            try note(status, place)
        }
        children = []
        try finish()
        let counts = try subject.sum(tally, deaths)
        say(
            "\(subject.name): \(kills) kills (\(try tally.points.load()) at kill points), \(last) turns, \(counts), "
                + "longest gap \(longestGap / 1_000_000) ms, 0 torn, 0 intruders")
    }

    private mutating func disturb() throws {
        switch random.below(4) {
        case 0...1: kill(children[random.below(children.count)], SIGKILL)
        case 2: try lookInside()
        default: break
        }
    }

    /// Others come in the places of the dead.
    private mutating func bury() throws {
        for place in children.indices {
            var status: Int32 = 0
            guard unsafe waitpid(children[place], &status, WNOHANG) == children[place] else { continue }
            try note(status, place)
            children[place] = try start(place)
        }
    }

    /// What the dead one has said last stands.
    private mutating func note(_ status: Int32, _ place: Int) throws {
        try require(status & 0x7f == SIGKILL, "\(subject.name): a process ended with \(status)")
        kills += 1
        switch StormPlace.State(rawValue: try tally.state(place).load()) {
        case .inside: deaths.inside += 1
        case .entering, .leaving: deaths.unclear += 1
        case .outside, nil: break
        }
    }

    /// While all are stopped, not more are inside than may be.
    private mutating func lookInside() throws {
        guard let most = subject.mostInside else { return }
        for child in children { kill(child, SIGSTOP) }
        var inside = 0
        for (place, child) in children.enumerated() {
            var info = unsafe siginfo_t()
            guard unsafe waitid(P_PID, id_t(child), &info, WSTOPPED | WEXITED | WNOWAIT) == 0 else { continue }
            let isStopped = unsafe info.si_code == CLD_STOPPED
            if isStopped, try tally.state(place).load() == StormPlace.State.inside.rawValue { inside += 1 }
        }
        looks += 1
        try require(inside <= most, "\(subject.name): \(inside) inside after \(kills) kills")
        for child in children { kill(child, SIGCONT) }
    }

    private mutating func start(_ place: Int) throws -> Int32 {
        let (seed, subject) = (random.next(), subject)
        let own = StormPlace(path: path, tally: tally, place: place)
        // Here, because the child may be killed before it says anything.
        try own.say(.outside)
        return try TestingCalls.fork {
            var random = StormRandom(state: seed)
            do {
                if random.below(2) == 0 {
                    let counter = try own.tally.points
                    let point = "sync-\(subject.killPoints[random.below(subject.killPoints.count)])"
                    KillPoints.arm(point, passage: 1 + random.below(40)) { counter.wrappingAdd(1) }
                }
                try subject.live(own)
            } catch {
                sayLine("\(subject.name): \(error)")
            }
            return 9
        }
    }

    /// Everybody is dead: a fresh process finds things in order.
    private func finish() throws {
        let subject = subject
        let own = StormPlace(path: path, tally: tally, place: 0)
        let last = try TestingCalls.fork {
            alarm(200)
            do {
                try subject.finish(own)
                return 0
            } catch {
                sayLine("\(subject.name), the last one: \(error)")
                return 1
            }
        }
        var status: Int32 = -1
        try require(unsafe waitpid(last, &status, 0) == last && status == 0, "the last one ended with \(status)")
    }
}

/// `say`, where a method has that name.
func sayLine(_ text: String) { say(text) }
