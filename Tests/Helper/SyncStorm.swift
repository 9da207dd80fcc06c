import Glibc
import IPCSync
import IPCSystem

let syncStormScenarios: [String: Scenario] = [
    "sync-storm": syncStorm,
    "sync-stormer": syncStormer,
    "sync-fairness": syncFairness,
    "sync-many": syncMany,
]

/// `sync-storm KIND FOLDER KILLS SEED`: processes use one kind of object and are killed at random instants, in debug builds
/// also between any two steps, until that many are dead. Each must always get on, without a backstop, so that a wake-up
/// that is lost is a hang; what each kind promises is looked at all the time and, when all are dead, by a fresh process.
private func syncStorm(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
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
    /// Whether the others get on while one is missing.
    var needsAll = false
    /// The most processes that may be inside at once.
    var mostInside: Int?
    /// What the process in a place does until it is killed. Tasks need a process of their own: the child of a fork has
    /// none of the threads that run them.
    enum Life: Sendable {
        case blocking(@Sendable (StormPlace) throws -> Void)
        /// So many kinds of tasks, each of which gets on by itself.
        case tasks(kinds: Int, @Sendable (StormPlace) async throws -> Void)
    }

    let life: Life
    /// What a fresh process finds when all are dead.
    let finish: @Sendable (StormPlace) throws -> Void
    /// Adds up the counts, and says in words what came out.
    let sum: @Sendable (StormTally, StormDeaths) throws -> String

    static let all: [String: StormSubject] = [
        "condition": conditions, "rwlock": readWriteLocks, "barrier": barriers, "plain": plainSemaphores,
        "leased": leasedSemaphores, "event": events, "tasks": tasks,
    ]

    /// The beats of one process.
    var kinds: Int { if case .tasks(let kinds, _) = life { kinds } else { 1 } }
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

    /// A turn is done: by tasks of that kind, of so many.
    func beat(_ kind: Int = 0, of kinds: Int = 1) throws { try tally.beat(place * kinds + kind).wrappingAdd(1) }
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

    init(_ subject: StormSubject, folder: String, seed: UInt64) throws {
        self.subject = subject
        path = "\(folder)/\(subject.name)-\(seed)"
        tally = try StormTally(besides: path)
        random = StormRandom(state: seed)
    }

    mutating func run(kills limit: Int) throws {
        defer { for child in children { kill(child, SIGKILL) } }
        for place in 0..<subject.processes { children.append(try start(place)) }
        var pulse = StormPulse(tally, places: subject.processes * subject.kinds)
        var (lastDisturbed, nextCalm) = (UInt64.max, 20)
        while kills < limit {
            usleep(UInt32(random.below(1500)))
            // Mostly when somebody has got on since: processes that are killed while they start find out nothing.
            if pulse.turns != lastDisturbed || random.below(16) == 0 {
                lastDisturbed = pulse.turns
                try disturb()
            }
            try bury()
            if kills >= nextCalm {
                nextCalm = kills + 20
                try calm(&pulse)
            }
            try pulse.look("\(subject.name), after \(kills) kills")
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
        let turns = try tally.progress.load()
        let counts = try subject.sum(tally, deaths)
        say(
            "\(subject.name): \(kills) kills (\(try tally.points.load()) at kill points), \(turns) turns, \(counts), "
                + "\(pulse), 0 torn, 0 intruders")
    }

    private mutating func disturb() throws {
        switch random.below(4) {
        case 0...1: kill(children[random.below(children.count)], SIGKILL)
        case 2: try lookInside()
        default: break
        }
    }

    /// One dies, and nobody else is killed nor comes for it until all others have got on. Or nobody dies.
    private mutating func calm(_ pulse: inout StormPulse) throws {
        guard !subject.needsAll else {
            return try pulse.calm(20, without: 0..<0, "\(subject.name), after \(kills) kills") { try bury() }
        }
        let place = random.below(children.count)
        kill(children[place], SIGKILL)
        var status: Int32 = 0
        try require(unsafe waitpid(children[place], &status, 0) == children[place], "waitpid")
        try note(status, place)
        let absent = place * subject.kinds..<(place + 1) * subject.kinds
        try pulse.calm(20, without: absent, "\(subject.name), after \(kills) kills") {
            try bury(except: place)
        }
        children[place] = try start(place)
    }

    /// Others come in the places of the dead.
    private mutating func bury(except absent: Int? = nil) throws {
        for place in children.indices where place != absent {
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
        for kind in 0..<subject.kinds { try own.beat(kind, of: subject.kinds) }
        guard case .blocking(let live) = subject.life else {
            return try execute(["sync-stormer", subject.key, path, "\(place)", "\(seed)"])
        }
        return try TestingCalls.fork {
            do {
                try subject.arm(own, seed)
                try live(own)
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

/// One process of a storm of tasks: KIND PATH PLACE SEED.
private func syncStormer(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    guard case .tasks(_, let live) = StormSubject.all[arguments[0]]?.life else { throw Wrong("no such storm") }
    let path = arguments[1]
    let own = StormPlace(path: path, tally: try StormTally(besides: path, .open), place: Int(arguments[2]) ?? 0)
    try StormSubject.all[arguments[0]]?.arm(own, UInt64(arguments[3]) ?? 1)
    try await live(own)
    return 9
}

extension StormSubject {
    fileprivate var key: String { Self.all.first { $0.value.name == name }?.key ?? name }

    /// Every second process is to die at a point on the way.
    fileprivate func arm(_ own: StormPlace, _ seed: UInt64) throws {
        var random = StormRandom(state: seed)
        guard random.below(2) == 0 else { return }
        let counter = try own.tally.points
        KillPoints.arm("sync-\(killPoints[random.below(killPoints.count)])", passage: 1 + random.below(40)) {
            counter.wrappingAdd(1)
        }
    }
}

/// Starts this program anew.
func execute(_ arguments: [String]) throws -> Int32 {
    let words = unsafe ([CommandLine.arguments[0]] + arguments).map { unsafe strdup($0) }
    defer { unsafe words.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let result = unsafe posix_spawn(&child, "/proc/self/exe", nil, nil, words + [nil], environ)
    try require(result == 0, "spawn: \(result)")
    return child
}

/// `say`, where a method has that name.
func sayLine(_ text: String) { say(text) }
