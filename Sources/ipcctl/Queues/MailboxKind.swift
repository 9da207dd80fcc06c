import IPCMessageQueue
import IPCSharedMemory

/// `mailbox:NAME`. `send` makes one that shares work, or with `--broadcast` one that goes to all.
enum MailboxKind: QueueKind {
    static let label = "mailbox"
    private static let prefix = "mailbox:"

    static func claims(_ name: String) -> Bool { name.hasPrefix(prefix) }

    private static func bare(_ name: String) -> String { String(name.dropFirst(prefix.count)) }

    // Taking part waits for a thread of the library, some 0.1 ms, and this program has nothing else to do.
    static func open(_ name: String, makes: Bool) throws -> any MessageQueue {
        let found: Mailbox?
        do throws(IPCError) {
            found = try Mailbox(blockingNamed: bare(name), .open, until: .after(.seconds(10)))
        } catch {
            guard error.code == .notFound, makes else { throw error }
            found = nil
        }
        return try found ?? make(name, MailboxOptions())
    }

    /// Opens it as it is, or makes it.
    static func make(_ name: String, _ options: MailboxOptions) throws -> Mailbox {
        try Mailbox(blockingNamed: bare(name), .openOrCreate, options: options, until: .after(.seconds(10)))
    }

    static func remove(_ name: String) throws { try Mailbox.remove(named: bare(name)) }

    static func list() throws -> (rows: [[String]], note: String?) {
        let rows = try Mailbox.list().map { region in
            let mailbox = try? Mailbox(blockingNamed: region.name, .open, until: .after(.seconds(1)))
            let kind = mailbox.map { ", \($0.delivery), full: \($0.whenFull)" } ?? ""
            return [
                "\(prefix)\(region.name)", mailbox.flatMap { try? "\($0.depth)" } ?? "-",
                "\(region.byteCount) bytes\(kind)", "\(region.owner)", "\(region.permissions)",
            ]
        }
        return (rows, nil)
    }
}

/// What only mailboxes know: `--broadcast`, `--when-full`, `--from`.
struct MailboxRequest {
    var isBroadcast = false
    var whenFull: MailboxOverflow?
    /// Where a receiver of a broadcast begins, as it was given.
    var start: String?

    static let options: Set<String> = ["--broadcast", "--when-full", "--from"]

    var isEmpty: Bool { !isBroadcast && whenFull == nil && start == nil }

    /// Whether that option has a value.
    static func takesValue(_ option: String) -> Bool { option != "--broadcast" }

    mutating func take(_ option: String, _ value: String) throws(UsageError) {
        switch option {
        case "--broadcast": isBroadcast = true
        case "--when-full":
            let policies: [String: MailboxOverflow] = [
                "suspend": .suspend, "fail": .fail, "drop-newest": .dropNewest, "drop-oldest": .dropOldest,
            ]
            guard let policy = policies[value] else {
                throw UsageError("--when-full needs suspend, fail, drop-newest or drop-oldest, not \(value)")
            }
            whenFull = policy
        default:
            start = value
            _ = try startOfReceiving()
        }
    }

    /// `new`, `kept` or a number; all that is kept where nothing was said, as of any other queue.
    func startOfReceiving() throws(UsageError) -> MailboxStart {
        switch start {
        case nil, "kept": return .everythingKept
        case "new": return .onlyNew
        case let text?:
            guard let count = Int(text), count >= 0 else {
                throw UsageError("--from needs new, kept or a number of messages, not \(text)")
            }
            return .last(count)
        }
    }

    /// The queue to send to.
    func openForSending(_ name: String, makes: Bool) throws -> any MessageQueue {
        let kind = try QueueKinds.kind(of: name)
        guard !isEmpty else { return try kind.open(name, makes: makes) }
        guard kind == MailboxKind.self, makes else {
            throw UsageError("--broadcast and --when-full say how a mailbox:NAME is made")
        }
        var options = MailboxOptions(delivery: isBroadcast ? .broadcast : .workSharing)
        if let whenFull { options.whenFull = whenFull }
        return try MailboxKind.make(name, options)
    }

    /// The queue to receive from, joined if it is a broadcast.
    func openForReceiving(_ name: String) async throws -> any MessageQueue {
        let queue = try QueueKinds.kind(of: name).open(name, makes: false)
        if let mailbox = queue as? Mailbox, mailbox.delivery == .broadcast {
            try await mailbox.join(from: try startOfReceiving(), until: .after(.seconds(10)))
        } else if start != nil {
            throw UsageError("--from is for a mailbox that is a broadcast")
        }
        return queue
    }
}
