import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// One process of the storm that is killed sooner or later: in an even place it sends or asks, in an odd one it receives.
struct MailboxStormer {
    static let broadcastPoints =
        [
            "described", "half-written", "written", "sent", "tail-moved", "repairs", "seat-written", "joined",
            "advanced",
            "copied", "left",
        ].map { "mail-\($0)" } + QueueStorm.turnPoints + [
            "sync-lock-taken", "sync-take-over-done", "sync-unlock-freed", "sync-unlock-exchanged", "sync-lock-sleeps",
        ]

    let facts: MailboxStormFacts
    let life: UInt64
    let place: Int

    var record: QueueStormRecord { facts.record }

    func arm(_ random: inout StormRandom) throws {
        try facts.tally.arm(facts.kind.isBroadcast ? Self.broadcastPoints : QueueStorm.killPoints, &random)
    }

    /// A turn is done.
    func beat() throws {
        try facts.tally.progress.wrappingAdd(1)
        try facts.tally.beat(place).wrappingAdd(1)
    }

    func live(_ random: consuming StormRandom) -> Int32 {
        var random = random
        do {
            try arm(&random)
            // Whoever hangs is seen by the one who kills, and a machine may stand still for a while.
            let mailbox = try Mailbox(blockingNamed: facts.name, .openOrCreate, options: facts.kind.options)
            switch (place % 2, facts.kind) {
            case (0, .ask): try ask(mailbox, &random)
            case (0, _): try send(mailbox, &random)
            case (_, .all), (_, .newest): try receive(mailbox, &random)
            default: try work(mailbox, &random)
            }
            return 0
        } catch {
            say("stormer: \(error)")
            return 9
        }
    }

    // MARK: What each of them notes

    /// A message with a number of its own.
    func begin(_ random: inout StormRandom) throws -> (id: UInt64, payload: [UInt8]) {
        let id = try record.next.wrappingAdd(1).newValue
        let words = random.below(8) == 0 ? random.below(1400) : random.below(20)
        try record.message(id).wrappingAdd(QueueStormRecord.started)
        return (id, QueueStormRecord.message(id, life, words))
    }

    /// A send has failed: only for want of time or of room.
    func refused(_ id: UInt64, _ error: IPCError, _ deadline: Deadline) throws {
        guard error.code == .timedOut || (facts.kind == .fail && error.code == .resourceExhausted) else { throw error }
        try record.message(id).wrappingAdd(QueueStormRecord.refused)
        if error.code == .timedOut { try record.look(at: deadline) }
    }

    /// A message of shared work that was given out. Nil: a torn one.
    func look(_ payload: [UInt8], deliveries: Int) throws -> UInt64? {
        guard let (id, _) = QueueStormRecord.read(payload) else {
            try record.torn.wrappingAdd(1)
            return nil
        }
        let before = try record.message(id).wrappingAdd(QueueStormRecord.begun).oldValue
        if before & QueueStormRecord.started == 0 { try record.ghosts.wrappingAdd(1) }
        // A question may be out when the one who asked has given up.
        if facts.kind != .ask, before & QueueStormRecord.refused != 0 { try record.ghosts.wrappingAdd(1) }
        // Done before, and given again without a death.
        if deliveries == 1, before >= QueueStormRecord.begun { try record.unmarked.wrappingAdd(1) }
        return id
    }

    /// The answer to a question.
    static func answer(to id: UInt64) -> [UInt8] { QueueStormRecord.message(id, 0, Int(id % 900)) }

    func check(_ answer: [UInt8], to id: UInt64) throws {
        if answer == Self.answer(to: id) {
            try facts.answered.wrappingAdd(1)
        } else {
            try record.disordered.wrappingAdd(1)
        }
    }

    /// A message of shared work was given back, on purpose, or else something is wrong.
    func excuse(_ error: any Error) throws {
        guard error is Wrong else { throw error }
    }

    // MARK: On threads

    private func send(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        while true {
            let (id, payload) = try begin(&random)
            let deadline = random.deadline()
            do throws(IPCError) {
                try mailbox.sendBlocking(QueueMessage(payload: payload), until: deadline)
            } catch {
                try refused(id, error, deadline)
                try beat()
                continue
            }
            try record.message(id).wrappingAdd(QueueStormRecord.sent)
            try beat()
        }
    }

    private func ask(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        while true {
            let (id, payload) = try begin(&random)
            let deadline = random.deadline()
            do throws(IPCError) {
                let answer = try mailbox.requestBlocking(payload, until: deadline)
                do { try check(answer, to: id) } catch { say("\(error)") }
            } catch {
                try refused(id, error, deadline)
            }
            try beat()
        }
    }

    private func receive(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        let starts: [MailboxStart] = [.onlyNew, .everythingKept, .last(3)]
        try mailbox.joinBlocking(from: starts[random.below(3)])
        var chain = MailboxChain(facts: facts)
        while true {
            let deadline = random.deadline()
            do {
                let message = try mailbox.receiveBlocking(.any, until: deadline)
                try chain.look(message.payload, missed: mailbox.missedCount)
            } catch let error as IPCError where error.code == .timedOut {
                try record.look(at: deadline)
            }
            if random.below(200) == 0 {
                mailbox.leave()
                try mailbox.joinBlocking(from: starts[random.below(3)])
                chain.breakOff()
            }
            try beat()
        }
    }

    private func work(_ mailbox: Mailbox, _ random: inout StormRandom) throws {
        while true {
            let givesBack = random.below(10) == 0
            let deadline = random.deadline()
            do {
                try mailbox.withLeaseBlocking(.any, until: deadline) { found in
                    let id = try look(found.payload, deliveries: found.deliveryCount)
                    if givesBack { throw Wrong("given back") }
                    guard let id else { return }
                    // Whoever asked may be dead: then nobody needs the answer.
                    do {
                        if found.label.isRequest { try found.replyBlocking(Self.answer(to: id)) }
                    } catch let error as IPCError where error.code == .peerClosed {}
                    try record.message(id).wrappingAdd(QueueStormRecord.received)
                }
            } catch {
                switch error {
                case .body(let error): try excuse(error)
                case .channel(let error) where error.code == .timedOut: try record.look(at: deadline)
                case .channel(let error): throw error
                }
            }
            try beat()
        }
    }
}
