import IPCMessageQueue
import IPCSharedMemory
import IPCSystem
import Synchronization

/// `queue-interruptions KIND COUNT SEED`: that many receives are cancelled or run out of time at random instants while somebody
/// sends: what was received, with what is left, is what was sent, and nothing twice. KIND: posix, sysv, shared, large (messages
/// that are copied without the lock), mailbox, broadcast.
func queueInterruptions(_ arguments: [String]) async throws -> Int32 {
    let random = StormRandom(state: UInt64(arguments[2]) ?? 1)
    let count = Int(arguments[1]) ?? 1
    switch arguments[0] {
    case "posix":
        let name = "/ipc-interruptions-\(ProcessFacts.processID)"
        let options = POSIXQueueOptions(capacity: 5, maximumMessageSize: 16)
        let queue = try POSIXMessageQueue(named: name, .create, options: options)
        defer { try? POSIXMessageQueue.remove(named: name) }
        try await interrupt(queue, try POSIXMessageQueue(named: name, .open, options: options), count, random)
    case "sysv":
        let queue = try SystemVMessageQueue.makePrivate()
        defer { try? SystemVMessageQueue.remove(identifier: queue.identifier) }
        try await interrupt(queue, try SystemVMessageQueue(identifier: queue.identifier), count, random)
    case "shared", "large":
        let size = arguments[0] == "large" ? 6000 : 16
        let options = SharedQueueOptions(capacity: .bounded(messages: 5), maximumMessageSize: size)
        let queue = try await SharedQueue(options: options)
        let far = try await SharedQueue.receive(try queue.transfer(), until: .never)
        try await interrupt(queue, far, count, random, size: size)
    case "mailbox", "broadcast":
        let name = "ipc-interruptions-\(ProcessFacts.processID)"
        let options = MailboxOptions(
            delivery: arguments[0] == "mailbox" ? .workSharing : .broadcast, capacity: .bounded(messages: 5),
            maximumMessageSize: 16)
        let near = try await Mailbox(named: name, .create, options: options)
        defer { try? Mailbox.remove(named: name) }
        let far = try await Mailbox(named: name, .open)
        if options.delivery == .broadcast { try await far.join(from: .onlyNew) }
        try await interrupt(near, far, count, random)
    default: throw Wrong("which queue?")
    }
    return 0
}

private final class StormEnd: Sendable {
    private let flag = Atomic<Bool>(false)

    var isThere: Bool { flag.load(ordering: .acquiring) }
    func come() { flag.store(true, ordering: .releasing) }
}

private func interrupt(
    _ near: any MessageQueue, _ far: any MessageQueue, _ count: Int, _ seed: StormRandom, size: Int = 8
) async throws {
    let end = StormEnd()
    async let sent = sendUntilOver(near, far, end, StormRandom(state: seed.state &+ 1), max(8, size))
    var random = seed
    var received: [UInt64] = []
    var interruptions = 0
    do {
        for _ in 0..<count * 200 where interruptions < count {
            if let number = try await receiveForAMoment(far, &random) {
                received.append(number)
            } else {
                interruptions += 1
            }
        }
    } catch {
        end.come()
        throw error
    }
    end.come()
    let total = try await sent
    let inTime = received.count
    while let message = try far.tryReceive(.any) { received.append(try number(message)) }
    try require(interruptions == count, "only \(interruptions) receives were interrupted, \(inTime) received")
    // One sender and one receiver at a time: all of them, in their order, and each once.
    try require(
        received.count == Int(total) && received.enumerated().allSatisfy { UInt64($0.offset) == $0.element },
        "\(total) sent, \(inTime) received and \(received.count - inTime) left, or not in order")
    say(
        "\(interruptions) interrupted, \(inTime) received, \(received.count - inTime) left of \(total) sent, none twice"
    )
}

/// nil when it was interrupted.
private func receiveForAMoment(
    _ queue: any MessageQueue, _ random: inout StormRandom
) async throws -> UInt64? {
    let pause = UInt64(random.below(150_000))
    let isCancelled = random.below(2) == 0
    let deadline = isCancelled ? Deadline.never : Deadline(nanoseconds: MonotonicClock.nanoseconds + pause)
    let task = Task { try await queue.receive(.any, until: deadline) }
    if isCancelled {
        await pass(pause)
        task.cancel()
    }
    do {
        return try number(try await task.value)
    } catch let error as IPCError where error.code == (isCancelled ? .cancelled : .timedOut) {
        return nil
    }
}

/// Numbers in their order, each sent once; some sends run out of time, too.
private func sendUntilOver(
    _ queue: any MessageQueue, _ far: any MessageQueue, _ end: StormEnd, _ seed: StormRandom, _ size: Int
) async throws -> UInt64 {
    var random = seed
    var next: UInt64 = 0
    while !end.isThere {
        let deadline = Deadline(nanoseconds: MonotonicClock.nanoseconds + UInt64(random.below(2_000_000)))
        let isSent = try await sends(queue, next, deadline, size)
        if isSent { next += 1 }
        let pause = UInt64(random.below(200_000))
        await pass(pause)
        // A queue that is never empty interrupts nobody.
        while try far.depth > 1, !end.isThere { await Task.yield() }
    }
    return next
}

/// Whether it was sent in time.
private func sends(
    _ queue: any MessageQueue, _ number: UInt64, _ deadline: Deadline, _ size: Int
) async throws(IPCError) -> Bool {
    do throws(IPCError) {
        try await queue.send(QueueMessage(payload: payload(number, size)), until: deadline)
        return true
    } catch {
        guard error.code == .timedOut else { throw error }
        return false
    }
}

/// Lets so many nanoseconds go by, finer than a sleep.
private func pass(_ nanoseconds: UInt64) async {
    let end = MonotonicClock.nanoseconds + nanoseconds
    while MonotonicClock.nanoseconds < end { await Task.yield() }
}

/// The number again and again. Made and compared as a whole: byte for byte would take longer than what is tested.
private func payload(_ number: UInt64, _ size: Int) -> [UInt8] {
    // SAFETY: words without padding, copied while they are there.
    unsafe [UInt64](repeating: number.littleEndian, count: size / 8).withUnsafeBytes { unsafe [UInt8]($0) }
}

private func number(_ message: QueueMessage<[UInt8]>) throws -> UInt64 {
    let bytes = message.payload
    try require(bytes.count >= 8 && bytes.count % 8 == 0, "a message of \(bytes.count) bytes")
    let number = bytes[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    try require(bytes == payload(number, bytes.count), "a torn message")
    return number
}
