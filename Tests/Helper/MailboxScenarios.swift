import IPCMessageQueue
import IPCSystem

let mailboxScenarios: [String: Scenario] = [
    "mailbox-hold": holdMessages,
    "mailbox-lease": leaseWorkForEver,
    "mailbox-die": useMailboxForEver,
    "mailbox-ask": askOnce,
    "mailbox-take": takeAndStay,
    "mailbox-open": openAsAnotherUser,
    "mailbox-storm": mailboxStorm,
    "mailbox-stormer": mailboxStormer,
    "mailbox-send": sendOnce,
]

/// `mailbox-send NAME TEXT`: sends a message, once all that are there are leased, and says so. There is no backstop: a
/// wake-up that does not come is a hang.
private func sendOnce(_ arguments: [String]) async throws -> Int32 {
    Backstop.switchOff()
    let mailbox = try await Mailbox(named: arguments[0], .open)
    let limit = Deadline.after(.seconds(100))
    while try mailbox.depth > 0, !limit.hasPassed { try await Task.sleep(for: .milliseconds(1)) }
    try await mailbox.send(QueueMessage(payload: Array(arguments[1].utf8)))
    say("sent")
    return 0
}

/// `mailbox-hold NAME`: joins a broadcast, says so, and receives nothing.
private func holdMessages(_ arguments: [String]) async throws -> Int32 {
    let mailbox = try await Mailbox(named: arguments[0], .open)
    try await mailbox.join(from: .onlyNew)
    say("joined")
    try await Task.sleep(for: .seconds(100))
    return 0
}

/// `mailbox-lease NAME`: takes a message under a lease, says so, and keeps it.
private func leaseWorkForEver(_ arguments: [String]) async throws -> Int32 {
    let mailbox = try await Mailbox(named: arguments[0], .open)
    try await mailbox.withLease { message in
        say("leased \(String(decoding: message.payload, as: UTF8.self)) \(message.deliveryCount)")
        try await Task.sleep(for: .seconds(100))
    }
    return 0
}

/// `mailbox-take NAME`: receives a message, says so, and stays without an answer.
private func takeAndStay(_ arguments: [String]) async throws -> Int32 {
    let mailbox = try await Mailbox(named: arguments[0], .open)
    let message = try await mailbox.receive(.any)
    say("took \(String(decoding: message.payload, as: UTF8.self))")
    try await Task.sleep(for: .seconds(100))
    return 0
}

/// `mailbox-ask NAME TEXT`: a request; says the answer.
private func askOnce(_ arguments: [String]) async throws -> Int32 {
    let mailbox = try await Mailbox(named: arguments[0], .open)
    let answer = try await mailbox.request(Array(arguments[1].utf8), until: .after(.seconds(100)))
    say(String(decoding: answer, as: UTF8.self))
    return 0
}

/// `mailbox-die NAME`: joins, sends, receives, waits in vain, until it is killed, at a kill point.
private func useMailboxForEver(_ arguments: [String]) async throws -> Int32 {
    for _ in 0..<200 {
        let mailbox = try await Mailbox(named: arguments[0], .open)
        try await mailbox.join(from: .last(2))
        for index in 0..<10 {
            let payload = [UInt8](repeating: 7, count: index % 2 == 0 ? 40 : 300)
            // Two that are in one place: this one sends to itself, too, and may find it full.
            _ = try? await mailbox.send(QueueMessage(payload: payload), until: .after(.milliseconds(5)))
            if index % 3 > 0 { _ = try mailbox.tryReceive(.any) }
        }
        while try mailbox.tryReceive(.any) != nil {}
        _ = try? await mailbox.receive(.any, until: .after(.milliseconds(2)))
    }
    return 5
}

/// `mailbox-open NAME`: what another user is told.
private func openAsAnotherUser(_ arguments: [String]) async throws -> Int32 {
    do {
        _ = try await Mailbox(named: arguments[0], .open)
        return 1
    } catch  where error.code == .permissionDenied {
        return 0
    }
}
