import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// `queue-storm FOLDER KILLS SEED`: three processes send, three receive, and all are killed at random instants and between
/// any two steps of the queue. What must hold is in `QueueStormRecord` and in the end of the storm.
func queueStorm(_ arguments: [String]) async throws -> Int32 {
    var storm = try QueueStorm(folder: arguments[0], seed: UInt64(arguments[2]) ?? 1)
    return try storm.run(kills: Int(arguments[1]) ?? 1)
}

private struct QueueStorm {
    static let processes = 6
    static let options = SharedQueueOptions(
        capacity: .bounded(messages: 40, byteCount: 64 << 10), maximumMessageSize: 12000, blockSize: 128,
        maximumDeliveries: 3, maximumProcesses: 16)
    static let killPoints =
        [
            "entered", "leaves", "counted", "sleeps", "woke", "wakes", "blocks-taken", "filled", "committed", "listed",
            "reserved", "fills", "filled-alone", "freed", "leased", "given-back", "copied", "reads-lease",
            "recovery-scanned", "recovery-rebuilt", "recovery-settled",
        ].map { "queue-\($0)" } + [
            "sync-lock-taken", "sync-take-over-done", "sync-unlock-freed", "sync-unlock-exchanged", "sync-lock-sleeps",
        ]

    let path: String
    let record: QueueStormRecord
    var random: StormRandom
    var children: [Int32] = []
    var (kills, lives) = (0, UInt64(0))
    var receiverKills = 0
    var longestGap: UInt64 = 0

    init(folder: String, seed: UInt64) throws {
        path = "\(folder)/storm-\(seed)"
        record = QueueStormRecord(
            memory: try SharedMemory(
                at: .file("\(path)-record"), .create, byteCount: 4096 + QueueStormRecord.limit * 8))
        random = StormRandom(state: seed)
    }

    mutating func run(kills limit: Int) throws -> Int32 {
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
        receiverKills += 3
        try finish()
        return 0
    }

    private mutating func disturb() throws {
        if random.below(3) > 0 { kill(children[random.below(children.count)], SIGKILL) }
        for index in children.indices {
            var status: Int32 = 0
            guard unsafe waitpid(children[index], &status, WNOHANG) == children[index] else { continue }
            try require(status & 0x7f == SIGKILL, "a process ended with \(status)")
            kills += 1
            if index % 2 == 1 { receiverKills += 1 }
            children[index] = try start(index)
        }
    }

    private mutating func start(_ index: Int) throws -> Int32 {
        lives += 1
        let (seed, path, record, life) = (random.next(), path, record, lives)
        return try TestingCalls.fork {
            QueueStormer(path: path, record: record, life: life, sends: index % 2 == 0)
                .live(StormRandom(state: seed), QueueStorm.killPoints, QueueStorm.options)
        }
    }

    private func end(_ child: Int32) throws {
        kill(child, SIGKILL)
        var status: Int32 = 0
        try require(unsafe waitpid(child, &status, 0) == child, "waitpid")
    }

    /// Everybody is dead: what is left is received, nothing that was sent is missing, and the room is as in a new queue.
    private func finish() throws {
        let (path, record, receiverKills) = (path, record, receiverKills)
        let text =
            "\(kills) kills (\(try record.points.load()) at kill points), longest gap \(longestGap / 1_000_000) ms"
        let last = try TestingCalls.fork {
            alarm(120)
            do {
                let queue = try SharedQueue(blockingAt: .file(path), .open, until: .after(.seconds(8)))
                try drain(queue, record)
                let facts = try judge(record, receiverKills)
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
        var status: Int32 = -1
        try require(unsafe waitpid(last, &status, 0) == last && status == 0, "the last one ended with \(status)")
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

/// Messages of type 1 are received under a lease, and none may be missing; those of type 2 go with their receiver, at most
/// one for each.
private func judge(_ record: QueueStormRecord, _ receiverKills: Int) throws -> String {
    var (sent, missing, lost) = (0, 0, 0)
    let count = try record.next.load()
    for id in stride(from: UInt64(1), through: count, by: 1) {
        let word = try record.message(id).load()
        guard word & QueueStormRecord.sent != 0 else { continue }
        sent += 1
        guard word < QueueStormRecord.received else { continue }
        if id % 2 == 1 { missing += 1 } else { lost += 1 }
    }
    try require(missing == 0, "\(missing) leased messages of \(sent) are missing")
    try require(lost <= receiverKills, "\(lost) messages lost by \(receiverKills) receivers")
    return "\(sent) messages sent, 0 torn, 0 missing, \(lost) gone with one of \(receiverKills) receivers, "
        + "\(try record.again.load()) given again and marked"
}

private func fill(_ queue: SharedQueue, _ size: Int) throws -> Int {
    var count = 0
    while try queue.trySend(QueueMessage(payload: [UInt8](repeating: 1, count: size))) { count += 1 }
    while try queue.tryReceive(.any) != nil {}
    return count
}

/// One process of the storm.
private struct QueueStormer {
    let path: String
    let record: QueueStormRecord
    let life: UInt64
    let sends: Bool

    func live(_ random: consuming StormRandom, _ points: [String], _ options: SharedQueueOptions) -> Int32 {
        var random = random
        do {
            if random.below(2) == 0 {
                let counter = try record.points
                KillPoints.arm(points[random.below(points.count)], passage: 1 + random.below(40)) {
                    counter.wrappingAdd(1)
                }
            }
            let queue = try SharedQueue(
                blockingAt: .file(path), .openOrCreate, options: options, until: .after(.seconds(20)))
            var last: [UInt64: UInt64] = [:]
            while true {
                try sends ? send(queue, &random) : receive(queue, &random, &last)
                try record.progress.wrappingAdd(1)
            }
        } catch {
            say("stormer: \(error)")
            return 9
        }
    }

    private func send(_ queue: SharedQueue, _ random: inout StormRandom) throws {
        let id = try record.next.wrappingAdd(1).newValue
        let words = random.below(8) == 0 ? random.below(1400) : random.below(20)
        let message = QueueMessage(
            payload: QueueStormRecord.message(id, life, words), priority: id % 2 == 1 ? 3 : 0, type: id % 2 == 1 ? 1 : 2
        )
        try record.message(id).wrappingAdd(QueueStormRecord.started)
        let deadline = Deadline.after(.milliseconds(random.below(50)))
        do {
            try queue.sendBlocking(message, until: deadline)
            try record.message(id).wrappingAdd(QueueStormRecord.sent)
        } catch let error as IPCError where error.code == .timedOut {
            try record.message(id).wrappingAdd(QueueStormRecord.refused)
            try lookAtTheClock(deadline)
        }
    }

    private func receive(
        _ queue: SharedQueue, _ random: inout StormRandom, _ last: inout [UInt64: UInt64]
    ) throws {
        let deadline = Deadline.after(.milliseconds(random.below(50)))
        do {
            if random.below(2) == 0 {
                let found = try queue.receiveBlocking(.only(2), until: deadline)
                if let id = try record.look(found.payload, deliveries: found.label.deliveryCount, last: &last) {
                    try record.message(id).wrappingAdd(QueueStormRecord.received)
                }
                return
            }
            let givesBack = random.below(10) == 0
            try queue.withLeaseBlocking(.only(1), until: deadline) { found in
                let id = try record.look(found.payload, deliveries: found.deliveryCount, last: &last)
                if givesBack { throw Wrong("given back") }
                if let id { try record.message(id).wrappingAdd(QueueStormRecord.received) }
            }
        } catch let error as IPCError where error.code == .timedOut {
            try lookAtTheClock(deadline)
        } catch let error as ChannelBodyError<any Error> {
            switch error {
            case .body(let error) where error is Wrong: break
            case .channel(let error) where error.code == .timedOut: try lookAtTheClock(deadline)
            default: throw error
            }
        }
    }

    /// Nobody waits past its deadline, by more than a loaded machine explains.
    private func lookAtTheClock(_ deadline: Deadline) throws {
        if MonotonicClock.nanoseconds > deadline.nanoseconds + 5_000_000_000 { try record.late.wrappingAdd(1) }
    }
}
