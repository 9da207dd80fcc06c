import IPCMessageQueue

/// A kind of queues that the commands know: how its names are written, and what can be done with them. To add one: a file
/// beside this one, and its line in `all`.
protocol QueueKind: Sendable {
    /// What `list` calls it.
    static var label: String { get }
    /// Whether `name` is one of this kind's.
    static func claims(_ name: String) -> Bool
    /// Opens the queue; makes it if it is not there and `makes` says so.
    static func open(_ name: String, makes: Bool) throws -> any MessageQueue
    static func remove(_ name: String) throws
    /// A row for each queue: name, messages, room, owner, permissions; and what may be missing.
    static func list() throws -> (rows: [[String]], note: String?)
}

enum QueueKinds {
    static var all: [any QueueKind.Type] {
        [POSIXQueueKind.self, SystemVQueueKind.self, SharedQueueKind.self, MailboxKind.self]
    }

    static func kind(of name: String) throws(UsageError) -> any QueueKind.Type {
        guard let kind = all.first(where: { $0.claims(name) }) else {
            throw UsageError(
                "\(name) names no queue: write /NAME, sysv:KEY, sysv:#NUMBER, sysv:PATH, shm:NAME, shm:/PATH or "
                    + "mailbox:NAME")
        }
        return kind
    }
}

/// `/NAME`.
enum POSIXQueueKind: QueueKind {
    static let label = "posix"

    static func claims(_ name: String) -> Bool { name.hasPrefix("/") }

    static func open(_ name: String, makes: Bool) throws -> any MessageQueue {
        try POSIXMessageQueue(named: name, makes ? .openOrCreate : .open)
    }

    static func remove(_ name: String) throws { try POSIXMessageQueue.remove(named: name) }

    static func list() throws -> (rows: [[String]], note: String?) {
        let listing = try POSIXMessageQueue.list()
        let rows = listing.queues.map { queue in
            [
                queue.name, queue.depth.map(String.init) ?? "-",
                queue.capacity.map { "\($0) of \(queue.maximumMessageSize ?? 0) bytes" } ?? "-", "\(queue.owner)",
                "\(queue.permissions)",
            ]
        }
        return (rows, listing.whatIsMissing)
    }
}

/// `sysv:KEY` (decimal, or hexadecimal after 0x), `sysv:#NUMBER` (what ipcs calls msqid), `sysv:PATH` (its key by ftok).
enum SystemVQueueKind: QueueKind {
    static let label = "sysv"
    private static let prefix = "sysv:"

    static func claims(_ name: String) -> Bool { name.hasPrefix(prefix) }

    private enum Address {
        case key(SystemVQueueKey)
        case identifier(Int32)
    }

    private static func address(_ name: String) throws -> Address {
        let rest = String(name.dropFirst(prefix.count))
        if rest.hasPrefix("#"), let number = Int32(rest.dropFirst()) { return .identifier(number) }
        if rest.hasPrefix("/") { return .key(try SystemVQueueKey(path: rest)) }
        let digits =
            rest.hasPrefix("0x") ? UInt32(rest.dropFirst(2), radix: 16).map(Int32.init(bitPattern:)) : Int32(rest)
        guard let digits else { throw UsageError("\(rest) is neither a key, nor #NUMBER, nor a path from / on") }
        return .key(try SystemVQueueKey(digits))
    }

    static func open(_ name: String, makes: Bool) throws -> any MessageQueue {
        switch try address(name) {
        case .key(let key): try SystemVMessageQueue(key, makes ? .openOrCreate : .open)
        case .identifier(let number): try SystemVMessageQueue(identifier: number)
        }
    }

    static func remove(_ name: String) throws {
        switch try address(name) {
        case .key(let key): try SystemVMessageQueue.remove(key)
        case .identifier(let number): try SystemVMessageQueue.remove(identifier: number)
        }
    }

    static func list() throws -> (rows: [[String]], note: String?) {
        let rows = try SystemVMessageQueue.list().map { queue in
            [
                queue.key.map { "sysv:\($0)" } ?? "sysv:#\(queue.identifier)", "\(queue.depth)",
                "\(queue.byteCount) of \(queue.byteLimit) bytes", "\(queue.owner)", "\(queue.permissions)",
            ]
        }
        return (rows, nil)
    }
}
