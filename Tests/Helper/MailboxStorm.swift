import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// `mailbox-storm FOLDER KILLS SEED KIND`: three processes send, three receive, and all are killed at random instants and
/// between any two steps, while one more, which nobody kills, receives everything. KIND: `all` (a broadcast that suspends),
/// `newest` (one that drops the oldest) or `work`.
///
/// What must hold: nothing torn; who sent and was told so has sent, who was told otherwise has not; every receiver of a
/// broadcast sees the same messages in the same order, without a gap unless it was told of one; nobody hangs; at the end the
/// room is as in a new mailbox.
func mailboxStorm(_ arguments: [String]) async throws -> Int32 {
    guard let kind = MailboxStormKind(rawValue: arguments[3]) else { throw Wrong("no kind \(arguments[3])") }
    let seed = UInt64(arguments[2]) ?? 1
    let name = "ipc-mailbox-storm-\(getpid())-\(seed)"
    defer { try? Mailbox.remove(named: name) }
    let facts = MailboxStormFacts(
        name: name, kind: kind, record: try record("\(arguments[0])/record-\(seed)"),
        order: try record("\(arguments[0])/order-\(seed)"))
    var storm = MailboxStorm(facts: facts, random: StormRandom(state: seed))
    do {
        return try storm.run(kills: Int(arguments[1]) ?? 1)
    } catch {
        storm.giveUp()
        throw error
    }
}

private func record(_ path: String) throws -> QueueStormRecord {
    QueueStormRecord(
        memory: try SharedMemory(at: .file(path), .create, byteCount: 4096 + QueueStormRecord.limit * 8))
}

enum MailboxStormKind: String {
    case all, newest, work

    var options: MailboxOptions {
        MailboxOptions(
            delivery: self == .work ? .workSharing : .broadcast, whenFull: self == .newest ? .dropOldest : .suspend,
            capacity: .bounded(messages: 40, byteCount: 64 << 10), maximumMessageSize: 12000, maximumDeliveries: nil,
            maximumProcesses: 24, maximumReceivers: 16)
    }
}

/// What the processes of the storm share.
struct MailboxStormFacts: Sendable {
    let name: String
    let kind: MailboxStormKind
    /// What became of each message.
    let record: QueueStormRecord
    /// Which message comes before each, as the first who sees it sees it.
    let order: QueueStormRecord

    /// Set when everybody but the witness is dead.
    var isOver: SharedAtomic { get throws { try record.count(9) } }
    var witnessed: SharedAtomic { get throws { try record.count(10) } }
    var isWitnessReady: SharedAtomic { get throws { try record.count(11) } }
}

private struct MailboxStorm {
    static let processes = 6

    let facts: MailboxStormFacts
    var random: StormRandom
    var children: [Int32] = []
    var witness: Int32 = 0
    var (kills, lives) = (0, UInt64(0))
    var longestGap: UInt64 = 0

    init(facts: MailboxStormFacts, random: StormRandom) { (self.facts, self.random) = (facts, random) }

    private var record: QueueStormRecord { facts.record }

    /// Something is wrong: nobody stays behind.
    func giveUp() {
        for child in children + [witness].filter({ $0 > 0 }) { try? end(child) }
    }

    mutating func run(kills limit: Int) throws -> Int32 {
        try startWitness()
        for index in 0..<Self.processes { children.append(try start(index)) }
        var (last, lastLook, gap) = (UInt64(0), MonotonicClock.nanoseconds, UInt64(0))
        while kills < limit {
            usleep(UInt32(random.below(8000)))
            try disturb()
            let (progress, now) = (try record.progress.load(), MonotonicClock.nanoseconds)
            // Time in which this process did not run either, says nothing.
            gap = progress == last ? gap + min(now - lastLook, 20_000_000) : 0
            (last, lastLook) = (progress, now)
            longestGap = max(longestGap, gap)
            try require(gap < 6_000_000_000, "nobody gets on after \(kills) kills")
            if let faults = try record.faults { throw Wrong("\(faults) after \(kills) kills") }
            try require(
                try record.next.load() < UInt64(QueueStormRecord.limit), "more messages than the record has room for")
        }
        for child in children { try end(child) }
        children = []
        try facts.isOver.store(1)
        let verdict = try status(of: witness)
        witness = 0
        try require(verdict == 0, "the witness found something wrong")
        try finish()
        return 0
    }

    private mutating func startWitness() throws {
        let facts = facts
        witness = try TestingCalls.fork { MailboxWitness(facts: facts).live() }
        // It is to see all of it.
        for _ in 0..<20_000 where try facts.isWitnessReady.load() == 0 { usleep(1000) }
        try require(try facts.isWitnessReady.load() != 0, "the witness does not come")
    }

    private mutating func disturb() throws {
        if random.below(3) > 0 { kill(children[random.below(children.count)], SIGKILL) }
        for index in children.indices {
            var status: Int32 = 0
            guard unsafe waitpid(children[index], &status, WNOHANG) == children[index] else { continue }
            children[index] = 0
            try require(status & 0x7f == SIGKILL, "a process ended with \(status)")
            kills += 1
            children[index] = try start(index)
        }
    }

    private mutating func start(_ index: Int) throws -> Int32 {
        lives += 1
        let (seed, facts, life) = (random.next(), facts, lives)
        return try TestingCalls.fork {
            MailboxStormer(facts: facts, life: life, sends: index % 2 == 0).live(StormRandom(state: seed))
        }
    }

    private func end(_ child: Int32) throws {
        kill(child, SIGKILL)
        _ = try status(of: child)
    }

    private func status(of child: Int32) throws -> Int32 {
        var status: Int32 = -1
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
        return status
    }

    /// Everybody is dead: the room is as in a new mailbox.
    private func finish() throws {
        let facts = facts
        let text =
            "\(facts.kind): \(kills) kills (\(try record.points.load()) at kill points), longest gap "
            + "\(longestGap / 1_000_000) ms, \(try facts.witnessed.load()) messages witnessed"
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
    }
}

/// How many messages of that size fit before the oldest goes, or `trySend` says that it is full.
private func room(_ name: String, _ size: Int, _ kind: MailboxStormKind) throws -> Int {
    let mailbox = try Mailbox(
        blockingNamed: name, .openOrCreate, options: kind.options, until: .after(.seconds(8)))
    defer { mailbox.close() }
    if kind != .work { try mailbox.joinBlocking(from: .onlyNew, until: .after(.seconds(8))) }
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
