import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// `queue-storm FOLDER KILLS SEED`: three processes send, three receive, and all are killed at random instants and between
/// any two steps of the queue. What must hold is in `QueueStormRecord` and in the end of the storm; and each must always get
/// on, many of them without a deadline and all without a backstop, so that a wake-up that is lost is a hang.
func queueStorm(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    var storm = try QueueStorm(folder: arguments[0], seed: UInt64(arguments[2]) ?? 1)
    return try storm.run(kills: Int(arguments[1]) ?? 1)
}

struct QueueStorm {
    static let processes = 6
    static let options = SharedQueueOptions(
        capacity: .bounded(messages: 40, byteCount: 64 << 10), maximumMessageSize: 12000, blockSize: 128,
        maximumDeliveries: 3, maximumProcesses: 16)
    static let killPoints =
        [
            "blocks-taken", "filled", "committed", "listed", "reserved", "fills", "filled-alone", "freed", "leased",
            "given-back", "abandons", "copied", "reads-lease",
            "recovery-scanned", "recovery-rebuilt", "recovery-settled",
        ].map { "queue-\($0)" } + turnPoints + [
            "sync-lock-taken", "sync-take-over-done", "sync-unlock-freed", "sync-unlock-exchanged", "sync-lock-sleeps",
        ]

    static let turnPoints = ["entered", "leaves", "counted", "sleeps", "woke", "wakes"].map { "turn-\($0)" }

    let path: String
    let record: QueueStormRecord
    let tally: StormTally
    var random: StormRandom
    var children: [Int32] = []
    var (kills, lives) = (0, UInt64(0))
    var receiverKills = 0
    /// Killed while they took a dead letter.
    var letterKills = 0

    init(folder: String, seed: UInt64) throws {
        path = "\(folder)/storm-\(seed)"
        record = QueueStormRecord(
            memory: try SharedMemory(
                at: .file("\(path)-record"), .create, byteCount: 4096 + QueueStormRecord.limit * 8))
        tally = try StormTally(besides: path)
        random = StormRandom(state: seed)
    }

    mutating func run(kills limit: Int) throws -> Int32 {
        defer { for child in children { kill(child, SIGKILL) } }
        for place in 0..<Self.processes { children.append(try start(place)) }
        var pulse = StormPulse(tally, places: Self.processes)
        var nextCalm = 20
        while kills < limit {
            usleep(UInt32(random.below(8000)))
            if random.below(3) > 0 { kill(children[random.below(children.count)], SIGKILL) }
            try bury()
            if kills >= nextCalm {
                nextCalm = kills + 20
                try calm(&pulse)
            }
            try pulse.look("queue, after \(kills) kills")
            if let faults = try record.faults { throw Wrong("\(faults) after \(kills) kills") }
            try require(
                try record.next.load() < UInt64(QueueStormRecord.limit), "more messages than the record has room for")
        }
        for (place, child) in children.enumerated() {
            kill(child, SIGKILL)
            try note(try status(of: child), place)
        }
        children = []
        try finish(pulse)
        return 0
    }

    /// One dies, and nobody else is killed nor comes for it until all others have got on.
    private mutating func calm(_ pulse: inout StormPulse) throws {
        let place = random.below(children.count)
        kill(children[place], SIGKILL)
        try note(try status(of: children[place]), place)
        try pulse.calm(20, without: place..<place + 1, "queue, after \(kills) kills") { try bury(except: place) }
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

    private mutating func note(_ status: Int32, _ place: Int) throws {
        try require(status & 0x7f == SIGKILL, "a process ended with \(status)")
        kills += 1
        if place % 2 == 1 { receiverKills += 1 }
        if try tally.count(place).exchange(0) != 0 { letterKills += 1 }
    }

    private mutating func start(_ place: Int) throws -> Int32 {
        lives += 1
        try tally.beat(place).wrappingAdd(1)
        let stormer = QueueStormer(
            path: path, record: record, tally: tally, place: place, life: lives,
            random: StormRandom(state: random.next()))
        return try TestingCalls.fork { stormer.live(QueueStorm.killPoints, QueueStorm.options) }
    }

    private func status(of child: Int32) throws -> Int32 {
        var status: Int32 = 0
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
        return status
    }

    /// Everybody is dead: what is left is received, nothing that was sent is missing, and the room is as in a new queue.
    private func finish(_ pulse: StormPulse) throws {
        let (path, record, receiverKills, letterKills) = (path, record, receiverKills, letterKills)
        let text = "\(kills) kills (\(try tally.points.load()) at kill points), \(pulse)"
        let last = try TestingCalls.fork {
            alarm(120)
            do {
                let queue = try SharedQueue(blockingAt: .file(path), .open, until: .after(.seconds(30)))
                try drain(queue, record)
                let facts = try judge(record, receiverKills, letterKills)
                let fresh = try SharedQueue(blockingAt: .anonymous, options: QueueStorm.options)
                for size in [16, 1000, 12000] {
                    let (found, expected) = (try fill(queue, size), try fill(fresh, size))
                    try require(found == expected, "room for \(found) messages of \(size) bytes instead of \(expected)")
                }
                say("\(text), \(facts)")
                return 0
            } catch {
                say("the end: \(error)")
                return 1
            }
        }
        let status = try status(of: last)
        try require(status == 0, "the last one ended with \(status)")
    }
}

private func drain(_ queue: SharedQueue, _ record: QueueStormRecord) throws {
    var last: [UInt64: UInt64] = [:]
    while let found = try queue.tryReceive(.any) {
        if let id = try record.look(found.payload, deliveries: found.label.deliveryCount, last: &last) {
            try record.message(id).wrappingAdd(QueueStormRecord.received)
        }
    }
    while let letter = try queue.receiveDeadLetterBlocking() {
        guard let (id, _) = QueueStormRecord.read(letter.payload) else { throw Wrong("a torn dead letter") }
        try record.message(id).wrappingAdd(QueueStormRecord.received)
    }
    if let faults = try record.faults { throw Wrong("\(faults) at the end") }
}

/// Messages of type 1 are received under a lease, and none may be missing, but dead letters that were being taken; those of
/// type 2 go with their receiver, at most one for each.
private func judge(_ record: QueueStormRecord, _ receiverKills: Int, _ letterKills: Int) throws -> String {
    var (sent, missing, lost) = (0, 0, 0)
    let count = try record.next.load()
    for id in stride(from: UInt64(1), through: count, by: 1) {
        let word = try record.message(id).load()
        guard word & QueueStormRecord.sent != 0 else { continue }
        sent += 1
        guard word < QueueStormRecord.received else { continue }
        if id % 2 == 1 { missing += 1 } else { lost += 1 }
    }
    try require(missing <= letterKills, "\(missing) leased messages of \(sent) are missing")
    try require(lost <= receiverKills, "\(lost) messages lost by \(receiverKills) receivers")
    return
        "\(sent) messages sent, 0 torn, 0 missing, \(missing) dead letters gone with one of \(letterKills) who took one, "
        + "\(lost) gone with one of \(receiverKills) receivers, "
        + "\(try record.again.load()) given again and marked"
}

private func fill(_ queue: SharedQueue, _ size: Int) throws -> Int {
    var count = 0
    while try queue.trySend(QueueMessage(payload: [UInt8](repeating: 1, count: size))) { count += 1 }
    while try queue.tryReceive(.any) != nil {}
    return count
}
