import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// One process of the storm that is killed sooner or later.
struct MailboxStormer {
    static let broadcastPoints =
        [
            "entered", "leaves", "wakes", "counted", "sleeps", "woke", "described", "half-written", "written", "sent",
            "tail-moved", "repairs", "seat-written", "joined", "advanced", "copied", "left",
        ].map { "mail-\($0)" } + [
            "sync-lock-taken", "sync-take-over-done", "sync-unlock-freed", "sync-unlock-exchanged", "sync-lock-sleeps",
        ]
    static let workPoints = ["entered", "committed", "listed", "leased", "given-back", "freed", "leaves", "wakes"]
        .map { "queue-\($0)" }

    let facts: MailboxStormFacts
    let life: UInt64
    let sends: Bool

    private var record: QueueStormRecord { facts.record }

    func live(_ random: consuming StormRandom) -> Int32 {
        var random = random
        do {
            if random.below(2) == 0 {
                let points = facts.kind == .work ? Self.workPoints : Self.broadcastPoints
                let counter = try record.points
                KillPoints.arm(points[random.below(points.count)], passage: 1 + random.below(40)) {
                    counter.wrappingAdd(1)
                }
            }
            let mailbox = try Mailbox(
                blockingNamed: facts.name, .openOrCreate, options: facts.kind.options, until: .after(.seconds(20)))
            sends ? try send(mailbox, &random) : try receive(mailbox, &random)
            return 0
        } catch {
            say("stormer: \(error)")
            return 9
        }
    }

    private func send(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        while true {
            let id = try record.next.wrappingAdd(1).newValue
            let words = random.below(8) == 0 ? random.below(1400) : random.below(20)
            let message = QueueMessage(payload: QueueStormRecord.message(id, life, words))
            try record.message(id).wrappingAdd(QueueStormRecord.started)
            let deadline = Deadline.after(.milliseconds(random.below(50)))
            do {
                try mailbox.sendBlocking(message, until: deadline)
                try record.message(id).wrappingAdd(QueueStormRecord.sent)
            } catch let error as IPCError where error.code == .timedOut {
                try record.message(id).wrappingAdd(QueueStormRecord.refused)
                try lookAtTheClock(deadline)
            }
            try record.progress.wrappingAdd(1)
        }
    }

    private func receive(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        if facts.kind == .work { return try work(mailbox, &random) }
        let starts: [MailboxStart] = [.onlyNew, .everythingKept, .last(3)]
        try mailbox.joinBlocking(from: starts[random.below(3)], until: .after(.seconds(20)))
        var chain = MailboxChain(facts: facts)
        while true {
            let deadline = Deadline.after(.milliseconds(random.below(50)))
            do {
                let message = try mailbox.receiveBlocking(.any, until: deadline)
                try chain.look(message.payload, missed: mailbox.missedCount)
            } catch let error as IPCError where error.code == .timedOut {
                try lookAtTheClock(deadline)
            }
            if random.below(200) == 0 {
                mailbox.leave()
                try mailbox.joinBlocking(from: starts[random.below(3)], until: .after(.seconds(20)))
                chain.breakOff()
            }
            try record.progress.wrappingAdd(1)
        }
    }

    private func work(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        while true {
            let givesBack = random.below(10) == 0
            let deadline = Deadline.after(.milliseconds(random.below(50)))
            do {
                try mailbox.withLeaseBlocking(.any, until: deadline) { found in
                    guard let (id, _) = QueueStormRecord.read(found.payload) else {
                        try record.torn.wrappingAdd(1)
                        return
                    }
                    let before = try record.message(id).load()
                    if before & QueueStormRecord.refused != 0 || before & QueueStormRecord.started == 0 {
                        try record.ghosts.wrappingAdd(1)
                    }
                    // Done before, and given again without a death.
                    if found.deliveryCount == 1, before >= QueueStormRecord.begun { try record.unmarked.wrappingAdd(1) }
                    try record.message(id).wrappingAdd(QueueStormRecord.begun)
                    if givesBack { throw Wrong("given back") }
                    try record.message(id).wrappingAdd(QueueStormRecord.received)
                }
            } catch {
                switch error {
                case .body(let error) where error is Wrong: break
                case .channel(let error) where error.code == .timedOut: try lookAtTheClock(deadline)
                default: throw error
                }
            }
            try record.progress.wrappingAdd(1)
        }
    }

    /// Nobody waits past its deadline, by more than a loaded machine explains.
    private func lookAtTheClock(_ deadline: Deadline) throws {
        if MonotonicClock.nanoseconds > deadline.nanoseconds + 5_000_000_000 { try record.late.wrappingAdd(1) }
    }
}

/// What one receiver of a broadcast has seen: each message after the same one as everybody else.
struct MailboxChain {
    let facts: MailboxStormFacts
    private var previous: UInt64?
    private var missed: UInt64 = 0

    init(facts: MailboxStormFacts) { self.facts = facts }

    /// It begins again somewhere else.
    mutating func breakOff() { previous = nil }

    @discardableResult
    mutating func look(_ bytes: [UInt8], missed: UInt64) throws -> UInt64? {
        guard let (id, _) = QueueStormRecord.read(bytes) else {
            try facts.record.torn.wrappingAdd(1)
            return nil
        }
        let state = try facts.record.message(id).load()
        if state & QueueStormRecord.refused != 0 || state & QueueStormRecord.started == 0 {
            try facts.record.ghosts.wrappingAdd(1)
        }
        if missed != self.missed {
            if facts.kind == .all { try facts.record.disordered.wrappingAdd(1) }
            self.missed = missed
            previous = nil
        }
        if let previous {
            let (isFirst, found) = try facts.order.message(id).compareExchange(expected: 0, desired: previous)
            if !isFirst, found != previous { try facts.record.disordered.wrappingAdd(1) }
        }
        previous = id
        return id
    }
}

/// The one that nobody kills: it receives everything, and at the end nothing that was sent may be missing.
struct MailboxWitness {
    let facts: MailboxStormFacts

    func live() -> Int32 {
        do {
            let mailbox = try Mailbox(
                blockingNamed: facts.name, .create, options: facts.kind.options, until: .after(.seconds(20)))
            if facts.kind != .work { try mailbox.joinBlocking(from: .onlyNew, until: .after(.seconds(20))) }
            try facts.isWitnessReady.store(1)
            try facts.kind == .work ? drain(mailbox) : receive(mailbox)
            try judge()
            return 0
        } catch {
            say("witness: \(error)")
            return 9
        }
    }

    private func receive(_ mailbox: Mailbox) throws {
        var chain = MailboxChain(facts: facts)
        var isOver = false
        while !isOver {
            // Before the look: what was sent before that is found by it.
            let wasOver = try facts.isOver.load() != 0
            do {
                let message = try mailbox.receiveBlocking(.any, until: .after(.milliseconds(200)))
                if let id = try chain.look(message.payload, missed: mailbox.missedCount) {
                    try facts.record.message(id).wrappingAdd(QueueStormRecord.received)
                    try facts.witnessed.wrappingAdd(1)
                }
            } catch let error as IPCError where error.code == .timedOut {
                isOver = wasOver
            }
        }
    }

    /// Of shared work it takes what is left.
    private func drain(_ mailbox: Mailbox) throws {
        while try facts.isOver.load() == 0 { usleep(5000) }
        var isOver = false
        while !isOver {
            do {
                let message = try mailbox.receiveBlocking(.any, until: .after(.milliseconds(500)))
                guard let (id, _) = QueueStormRecord.read(message.payload) else { throw Wrong("a torn message") }
                try facts.record.message(id).wrappingAdd(QueueStormRecord.received)
                try facts.witnessed.wrappingAdd(1)
            } catch let error as IPCError where error.code == .timedOut {
                isOver = true
            }
        }
    }

    private func judge() throws {
        var missing = 0
        let count = try facts.record.next.load()
        for id in stride(from: UInt64(1), through: count, by: 1) {
            let word = try facts.record.message(id).load()
            let isSent = word & QueueStormRecord.sent != 0
            if isSent, word < QueueStormRecord.received { missing += 1 }
            if facts.kind != .work, word >= 2 * QueueStormRecord.received {
                throw Wrong("message \(id) came twice")
            }
        }
        // Who drops the oldest drops them for the witness, too.
        try require(missing == 0 || facts.kind == .newest, "\(missing) messages that were sent are missing")
    }
}
