import Glibc
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

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
                blockingNamed: facts.name, .create, options: facts.kind.options, until: .after(.seconds(100)))
            if facts.kind.isBroadcast { try mailbox.joinBlocking(from: .onlyNew, until: .after(.seconds(100))) }
            try facts.isWitnessReady.store(1)
            try facts.kind.isBroadcast ? receive(mailbox) : drain(mailbox)
            try judge(mailbox)
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
                let message = try mailbox.receiveBlocking(.any, until: .after(.seconds(2)))
                guard let (id, _) = QueueStormRecord.read(message.payload) else { throw Wrong("a torn message") }
                try facts.record.message(id).wrappingAdd(QueueStormRecord.received)
                try facts.witnessed.wrappingAdd(1)
            } catch let error as IPCError where error.code == .timedOut {
                isOver = true
            }
        }
    }

    private func judge(_ mailbox: Mailbox) throws {
        var missing: UInt64 = 0
        let count = try facts.record.next.load()
        for id in stride(from: UInt64(1), through: count, by: 1) {
            let word = try facts.record.message(id).load()
            let isSent = word & QueueStormRecord.sent != 0
            if isSent, word < QueueStormRecord.received { missing += 1 }
            if facts.kind.isBroadcast, word >= 2 * QueueStormRecord.received {
                throw Wrong("message \(id) came twice")
            }
        }
        // What goes for others is counted: for the witness of a broadcast, or in the mailbox.
        let bound =
            switch facts.kind {
            case .newest: mailbox.missedCount
            case .oldest, .drop: mailbox.droppedCount
            case .all, .work, .fail, .ask: UInt64(0)
            }
        try require(missing <= bound, "\(missing) messages that were sent are missing, and \(bound) were dropped")
    }
}
