import IPCMessageQueue
import IPCProcess

/// Two mailboxes by their names, each a broadcast: one to the second process, one back.
struct MailboxStop: TourStop {
    let mechanism = "mailbox"

    private var options: MailboxOptions {
        MailboxOptions(
            delivery: .broadcast, capacity: .bounded(messages: 4096, byteCount: 1 << 20), maximumMessageSize: 1 << 16)
    }

    func visit(until deadline: Deadline) async throws -> TourResult {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let there = try await Mailbox(named: name, .create, options: options, until: deadline)
        defer { try? Mailbox.remove(named: name) }
        let back = try await Mailbox(named: "\(name)-back", .create, options: options, until: deadline)
        defer { try? Mailbox.remove(named: back.name) }
        try await back.join(from: .onlyNew, until: deadline)
        let child = try await Tour.startPeer(of: self, arguments: [there.name, back.name])
        return try await withPeer(child) { child in
            try await QueueVisit.run(
                child, incoming: back.payloads(), outgoing: there.payloads(), until: deadline)
        }
    }

    func serve(_ arguments: [String]) async throws {
        let incoming = try await Mailbox(named: arguments[0], .open)
        let outgoing = try await Mailbox(named: arguments[1], .open)
        // What was sent before this process was there is kept.
        try await incoming.join(from: .everythingKept)
        try await Exchange(incoming: incoming.payloads(), outgoing: outgoing.payloads()).serve()
    }
}
