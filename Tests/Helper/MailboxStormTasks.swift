import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// One process of a storm of mailboxes whose waits are those of tasks: NAME KIND FOLDER SEED PLACE LIFE SEED.
func mailboxStormer(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    let facts = try MailboxStormFacts(
        name: arguments[0], kind: arguments[1], folder: arguments[2], seed: arguments[3], .open, asTasks: true)
    let stormer = MailboxStormer(facts: facts, life: UInt64(arguments[5]) ?? 0, place: Int(arguments[4]) ?? 0)
    var random = StormRandom(state: UInt64(arguments[6]) ?? 1)
    try stormer.arm(&random)
    let mailbox = try await Mailbox(named: facts.name, .openOrCreate, options: facts.kind.options)
    switch (stormer.place % 2, facts.kind) {
    case (0, .ask): try await stormer.ask(mailbox, &random)
    case (0, _): try await stormer.send(mailbox, &random)
    case (_, .all), (_, .newest): try await stormer.receive(mailbox, &random)
    default: try await stormer.work(mailbox, &random)
    }
    return 9
}

/// More turns than a process lives for.
private let turns = 1 << 40

extension MailboxStormer {
    fileprivate func send(_ mailbox: Mailbox, _ random: inout StormRandom) async throws {
        for _ in 0..<turns {
            let (id, payload) = try begin(&random)
            let deadline = random.deadline()
            do throws(IPCError) {
                try await mailbox.send(QueueMessage(payload: payload), until: deadline)
                do { try record.message(id).wrappingAdd(QueueStormRecord.sent) } catch { say("\(error)") }
            } catch {
                try refused(id, error, deadline)
            }
            try beat()
        }
    }

    fileprivate func ask(_ mailbox: Mailbox, _ random: inout StormRandom) async throws {
        for _ in 0..<turns {
            let (id, payload) = try begin(&random)
            let deadline = random.deadline()
            do throws(IPCError) {
                let answer = try await mailbox.request(payload, until: deadline)
                do { try check(answer, to: id) } catch { say("\(error)") }
            } catch {
                try refused(id, error, deadline)
            }
            try beat()
        }
    }

    fileprivate func receive(_ mailbox: Mailbox, _ random: inout StormRandom) async throws {
        let starts: [MailboxStart] = [.onlyNew, .everythingKept, .last(3)]
        try await mailbox.join(from: starts[random.below(3)])
        var chain = MailboxChain(facts: facts)
        for _ in 0..<turns {
            let deadline = random.deadline()
            do {
                let message = try await mailbox.receive(.any, until: deadline)
                try chain.look(message.payload, missed: mailbox.missedCount)
            } catch let error as IPCError where error.code == .timedOut {
                try record.look(at: deadline)
            }
            if random.below(200) == 0 {
                mailbox.leave()
                try await mailbox.join(from: starts[random.below(3)])
                chain.breakOff()
            }
            try beat()
        }
    }

    fileprivate func work(_ mailbox: Mailbox, _ random: inout StormRandom) async throws {
        for _ in 0..<turns {
            let givesBack = random.below(10) == 0
            let deadline = random.deadline()
            do {
                try await mailbox.withLease(.any, until: deadline) { found in
                    let id = try look(found.payload, deliveries: found.deliveryCount)
                    if givesBack { throw Wrong("given back") }
                    guard let id else { return }
                    // Whoever asked may be dead: then nobody needs the answer.
                    do {
                        if found.label.isRequest { try await found.reply(Self.answer(to: id)) }
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
