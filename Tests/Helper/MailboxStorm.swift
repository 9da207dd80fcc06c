import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// `mailbox-storm FOLDER KILLS SEED KIND [tasks]`: three processes send, three receive, and all are killed at random instants and
/// between any two steps, while one more, which nobody kills, receives everything. KIND is a `MailboxStormKind`; with `tasks`
/// the processes wait as tasks do, else on threads.
///
/// What must hold: nothing torn; who sent and was told so has sent, who was told otherwise has not; every receiver of a
/// broadcast sees the same messages in the same order, without a gap unless it was told of one; what is missing was counted as
/// dropped; who asks gets the answer to its question; each process must always get on, without a backstop, so that a wake-up
/// that is lost is a hang; at the end the room is as in a new mailbox.
func mailboxStorm(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    let name = "ipc-mailbox-storm-\(getpid())-\(arguments[2])"
    defer { try? Mailbox.remove(named: name) }
    let folder = arguments[0]
    let facts = try MailboxStormFacts(
        name: name, kind: arguments[3], folder: folder, seed: arguments[2], .create, asTasks: arguments.last == "tasks")
    var storm = MailboxStorm(facts: facts, random: StormRandom(state: UInt64(arguments[2]) ?? 1))
    do {
        return try storm.run(kills: Int(arguments[1]) ?? 1)
    } catch {
        storm.giveUp()
        throw error
    }
}

private struct MailboxStorm {
    static let processes = 6

    let facts: MailboxStormFacts
    var random: StormRandom
    var children: [Int32] = []
    var witness: Int32 = 0
    var (kills, lives) = (0, UInt64(0))

    init(facts: MailboxStormFacts, random: StormRandom) { (self.facts, self.random) = (facts, random) }

    private var record: QueueStormRecord { facts.record }
    private var what: String { "\(facts.kind)\(facts.asTasks ? " by tasks" : ""), after \(kills) kills" }

    /// Something is wrong: nobody stays behind.
    func giveUp() {
        for child in children + [witness] where child > 0 {
            kill(child, SIGKILL)
            _ = try? status(of: child)
        }
    }

    mutating func run(kills limit: Int) throws -> Int32 {
        try startWitness()
        for place in 0..<Self.processes { children.append(try start(place)) }
        var pulse = StormPulse(facts.tally, places: Self.processes)
        var nextCalm = 20
        while kills < limit {
            usleep(UInt32(random.below(8000)))
            if random.below(3) > 0 { kill(children[random.below(children.count)], SIGKILL) }
            try bury()
            if kills >= nextCalm {
                nextCalm = kills + 20
                try calm(&pulse)
            }
            try pulse.look(what)
            if let faults = try record.faults { throw Wrong("\(faults), \(what)") }
            try require(
                try record.next.load() < UInt64(QueueStormRecord.limit), "more messages than the record has room for")
        }
        for child in children {
            kill(child, SIGKILL)
            _ = try status(of: child)
        }
        children = []
        try facts.isOver.store(1)
        let verdict = try status(of: witness)
        witness = 0
        try require(verdict == 0, "the witness found something wrong")
        try finish(pulse)
        return 0
    }

    private mutating func startWitness() throws {
        let facts = facts
        witness = try TestingCalls.fork { MailboxWitness(facts: facts).live() }
        // It is to see all of it.
        for _ in 0..<60_000 where try facts.isWitnessReady.load() == 0 { usleep(1000) }
        try require(try facts.isWitnessReady.load() != 0, "the witness does not come")
    }

    /// One dies, and nobody else is killed nor comes for it until all others have got on.
    private mutating func calm(_ pulse: inout StormPulse) throws {
        let place = random.below(children.count)
        kill(children[place], SIGKILL)
        try note(try status(of: children[place]))
        try pulse.calm(20, without: place..<place + 1, what) { try bury(except: place) }
        children[place] = try start(place)
        // What the dead who had asked have left.
        if facts.kind == .ask { try SharedMemory.sweep(namesBeginningWith: "ipc-reply-") }
    }

    /// Others come in the places of the dead.
    private mutating func bury(except absent: Int? = nil) throws {
        for place in children.indices where place != absent {
            var status: Int32 = 0
            guard unsafe waitpid(children[place], &status, WNOHANG) == children[place] else { continue }
            children[place] = 0
            try note(status)
            children[place] = try start(place)
        }
    }

    private mutating func note(_ status: Int32) throws {
        try require(status & 0x7f == SIGKILL, "a process ended with \(status)")
        kills += 1
    }

    private mutating func start(_ place: Int) throws -> Int32 {
        lives += 1
        try facts.tally.beat(place).wrappingAdd(1)
        let (seed, facts, life) = (random.next(), facts, lives)
        // Tasks need a process of their own: the child of a fork has none of the threads that run them.
        if facts.asTasks {
            return try execute(["mailbox-stormer"] + facts.arguments + ["\(place)", "\(life)", "\(seed)"])
        }
        return try TestingCalls.fork {
            MailboxStormer(facts: facts, life: life, place: place).live(StormRandom(state: seed))
        }
    }

    private func status(of child: Int32) throws -> Int32 {
        var status: Int32 = -1
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
        return status
    }

    /// Everybody is dead: the room is as in a new mailbox.
    private func finish(_ pulse: StormPulse) throws {
        let facts = facts
        let text =
            "\(facts.kind)\(facts.asTasks ? " by tasks" : ""): \(kills) kills (\(try facts.tally.points.load()) at kill points), "
            + "\(pulse), \(try facts.tally.progress.load()) turns, \(try facts.witnessed.load()) messages witnessed, "
            + "\(try facts.answered.load()) questions answered"
        let last = try TestingCalls.fork {
            alarm(120)
            let fresh = "\(facts.name)-fresh"
            defer { try? Mailbox.remove(named: fresh) }
            do {
                for size in [16, 1000, 12000] {
                    let found = try room(facts.name, size, facts.kind)
                    let expected = try room(fresh, size, facts.kind)
                    try require(found == expected, "room for \(found) messages of \(size) bytes instead of \(expected)")
                }
                if let faults = try facts.record.faults { throw Wrong("\(faults) at the end") }
                say("\(text), 0 torn, 0 missing")
                return 0
            } catch {
                say("the end: \(error)")
                return 1
            }
        }
        try require(try status(of: last) == 0, "the last one failed")
        // What those who asked have left.
        try SharedMemory.sweep(namesBeginningWith: "ipc-reply-")
    }
}

/// How many messages of that size fit before the oldest goes, or `trySend` says that it is full.
private func room(_ name: String, _ size: Int, _ kind: MailboxStormKind) throws -> Int {
    let mailbox = try Mailbox(
        blockingNamed: name, .openOrCreate, options: kind.options, until: .after(.seconds(30)))
    defer { mailbox.close() }
    if kind.isBroadcast { try mailbox.joinBlocking(from: .onlyNew, until: .after(.seconds(30))) }
    let dropped = mailbox.droppedCount
    var count = 0
    while mailbox.droppedCount == dropped {
        // Nobody else is there: false is for want of room.
        guard try mailbox.trySend(QueueMessage(payload: [UInt8](repeating: 1, count: size))) else { break }
        count += 1
    }
    while try mailbox.tryReceive(.any) != nil {}
    return count
}
