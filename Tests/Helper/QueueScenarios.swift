import Glibc
import IPCMessageQueue
import IPCProcess
import IPCSystem

/// The other process in tests of queues.
let queueScenarios: [String: Scenario] = [
    "queue-permissions": { arguments in
        func made(_ mask: mode_t, _ options: POSIXQueueOptions) throws -> AccessPermissions? {
            umask(mask)
            let queue = try POSIXMessageQueue(named: arguments[0], .create, options: options)
            defer { try? POSIXMessageQueue.remove(named: arguments[0]) }
            let found = try POSIXMessageQueue.list().queues.first { $0.name == queue.name }
            return found?.permissions
        }
        let usual = try made(0, POSIXQueueOptions())
        let open = try made(0o077, POSIXQueueOptions(permissions: .everyone))
        say("\(usual.map { "\($0)" } ?? "-") \(open.map { "\($0)" } ?? "-")")
        return 0
    },
    "queue-echo-given": { _ in
        let queue = try InheritedEndpoints.take(0, as: POSIXMessageQueue.self)
        var message = try await queue.receive(.any, until: .after(.seconds(60)))
        message.payload += Array(" and back".utf8)
        message.priority += 1
        try await queue.send(message, until: .after(.seconds(60)))
        return 0
    },
    // QUEUE SENDER COUNT: numbered records until the end, which a kill may anticipate.
    "queue-stream": { arguments in
        let sender = Int(arguments[1]) ?? 0
        let queue = try openQueue(arguments[0])
        for index in 0..<(Int(arguments[2]) ?? 0) {
            try await send(queue, NumberedRecord(sender: sender, index: index))
        }
        return 0
    },
    // QUEUE: says which records it receives, each once it has it.
    "queue-collect": { arguments in
        let queue = try openQueue(arguments[0])
        let limit = Deadline.after(.seconds(120))
        while !limit.hasPassed {
            let message = try await receive(queue, until: limit)
            guard let record = NumberedRecord(message.payload) else { throw Wrong("a torn message") }
            say("\(record.sender) \(record.index)")
        }
        return 1
    },
    // In an IPC namespace of its own: what an ordinary user is told at each limit.
    "queue-limits-posix": { _ in
        try require(geteuid() != 0, "root passes the limits")
        let limits = POSIXQueueLimits.current
        let name = "/ipc-limit-\(getpid())"
        try expectLimit("fs.mqueue.msg_max") { () throws(IPCError) in
            try POSIXMessageQueue(named: name, .create, options: .init(capacity: limits.capacity + 1))
        }
        try expectLimit("fs.mqueue.msgsize_max") { () throws(IPCError) in
            try POSIXMessageQueue(named: name, .create, options: .init(maximumMessageSize: limits.messageSize + 1))
        }
        try expectLimitWhileMaking("RLIMIT_MSGQUEUE", name, .init(capacity: 10, maximumMessageSize: 8192))
        try expectLimitWhileMaking("fs.mqueue.queues_max", name, .init(capacity: 1, maximumMessageSize: 1))
        // Whoever met a limit has removed what it had made: as many as before have room again.
        try expectLimitWhileMaking("fs.mqueue.queues_max", name, .init(capacity: 1, maximumMessageSize: 1))
        return 0
    },
    // In an IPC namespace of its own, where kernel.msgmni is 2.
    "queue-limits-sysv": { _ in
        try require(geteuid() != 0, "root passes the limits")
        let limits = SystemVQueueLimits.current
        try require(limits.queueCount == 2, "kernel.msgmni is \(limits.queueCount)")
        try expectLimit("kernel.msgmnb") { () throws(IPCError) in
            try SystemVMessageQueue.makePrivate(options: .init(byteLimit: limits.byteLimit + 1))
        }
        try require(try SystemVMessageQueue.list().isEmpty, "a queue was left that was not as asked for")
        let queue = try SystemVMessageQueue.makePrivate()
        try expectLimit("kernel.msgmnb") { () throws(IPCError) in try queue.setByteLimit(limits.byteLimit + 1) }
        try queue.setByteLimit(limits.byteLimit / 2)
        let other = try SystemVMessageQueue.makePrivate()
        try expectLimit("kernel.msgmni") { () throws(IPCError) in try SystemVMessageQueue.makePrivate() }
        let key = try SystemVQueueKey(77)
        try expectLimit("kernel.msgmni") { () throws(IPCError) in try SystemVMessageQueue(key) }
        try queue.remove()
        try other.remove()
        return 0
    },
]

/// A queue of either kind, `/NAME` or `0xKEY`, as tests write it.
func openQueue(_ text: String) throws -> any MessageQueue {
    if text.hasPrefix("/") { return try POSIXMessageQueue(named: text, .open) }
    guard let key = UInt32(text.dropFirst(2), radix: 16) else { throw Wrong("no queue: \(text)") }
    return try SystemVMessageQueue(SystemVQueueKey(Int32(bitPattern: key)), .open)
}

private func send(_ queue: some MessageQueue, _ record: NumberedRecord) async throws {
    try await queue.send(QueueMessage(payload: record.bytes), until: .after(.seconds(60)))
}

private func receive(_ queue: some MessageQueue, until limit: Deadline) async throws -> QueueMessage<[UInt8]> {
    try await queue.receive(.any, until: limit)
}

/// A message whose every byte can be checked. The tests have the same.
struct NumberedRecord: Equatable {
    var sender: Int
    var index: Int

    var bytes: [UInt8] {
        var bytes = Array("\(sender) \(index) ".utf8)
        for place in 0..<(index % 97) { bytes.append(UInt8(truncatingIfNeeded: index &* 31 &+ place)) }
        return bytes
    }

    init(sender: Int, index: Int) { (self.sender, self.index) = (sender, index) }

    init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let sender = Int(String(decoding: parts[0], as: UTF8.self)),
            let index = Int(String(decoding: parts[1], as: UTF8.self))
        else { return nil }
        self.init(sender: sender, index: index)
        if bytes != self.bytes { return nil }
    }
}

private func expectLimit<Result>(_ name: String, _ body: () throws(IPCError) -> Result) throws {
    do throws(IPCError) {
        _ = try body()
    } catch {
        return try require(
            error.code == .resourceExhausted && error.message.contains(name) && error.object != nil, "\(name): \(error)"
        )
    }
    throw Wrong("\(name): nothing was refused")
}

/// Makes queues until one is refused, and removes them.
private func expectLimitWhileMaking(_ limit: String, _ name: String, _ options: POSIXQueueOptions) throws {
    var made: [POSIXMessageQueue] = []
    defer { for queue in made { try? POSIXMessageQueue.remove(named: queue.name) } }
    try expectLimit(limit) { () throws(IPCError) in
        for number in 0..<400 {
            made.append(try POSIXMessageQueue(named: "\(name)-\(number)", .create, options: options))
        }
    }
    try require(!made.isEmpty, "\(limit): not one queue could be made")
}
