import IPCSystem
import Synchronization

/// Calls that are cancelled, or whose deadline passes, at random instants: each is one of its two outcomes, never both
/// and never neither.
enum InterruptionCases {
    enum Means: Sendable {
        case cancellation
        case deadline

        var code: IPCError.Code { self == .cancellation ? .cancelled : .timedOut }
    }

    /// How many messages each case sends. Enough for thousands of interrupted calls.
    static let count = 400

    // MARK: Receiving

    static func receives(_ means: Means, _ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            // With nothing to receive, the interruption is what happens.
            try await context.expectError([means.code], "receive that is interrupted while it waits") {
                try await interrupted(means, until: way.context.limit) {
                    try await way.plainReceiver.receive(until: $0)
                }
            }
            try await oneReceiver(means, way)
            if context.guarantees.preservesBoundaries { try await severalReceivers(means, way) }
            try await way.expectNothingMore()
        }
    }

    private static func sending(_ way: Way) -> @Sendable () async throws -> Void {
        {
            var generator = way.context.generator
            for index in 0..<count {
                try await way.send(
                    Record.bytes(sender: 0, index: index, size: way.context.recordSize(&generator)))
                await Pause.random(&generator)
            }
        }
    }

    private static func oneReceiver(_ means: Means, _ way: Way) async throws {
        let context = way.context
        try await context.together([
            sending(way),
            {
                var generator = context.generator.fork(1)
                var ledger = Ledger(context)
                var reassembler = Reassembler(context)
                var calls = 0
                while ledger.count < count {
                    calls += 1
                    try context.expect(calls < count * 500, "messages between the interruptions", "\(ledger.count)")
                    guard let chunk = try await interruptedReceive(means, way, &generator) else { continue }
                    for record in reassembler.add(chunk) { try ledger.take(record) }
                }
            },
        ])
    }

    /// Several tasks wait at once, so that an interrupted one must pass its turn on.
    private static func severalReceivers(_ means: Means, _ way: Way) async throws {
        let context = way.context
        let found = Atomic<Int>(0)
        let merged = Lock(Ledger(context, isComplete: false))
        var bodies = [sending(way)]
        for receiver in 0..<3 {
            bodies.append {
                var generator = context.generator.fork(receiver + 2)
                var ledger = Ledger(context, isComplete: false)
                var calls = 0
                while found.load(ordering: .sequentiallyConsistent) < count {
                    calls += 1
                    try context.expect(
                        calls < count * 500, "messages between the interruptions",
                        "\(found.load(ordering: .relaxed))")
                    guard let message = try await interruptedReceive(means, way, &generator) else { continue }
                    found.wrappingAdd(1, ordering: .sequentiallyConsistent)
                    try ledger.take(message)
                }
                let mine = ledger
                try merged.withLock { try $0.merge(mine) }
            }
        }
        try await context.together(bodies)
        try merged.withLock { try $0.expect(count, from: 1) }
    }

    /// One receive; nil when it was interrupted.
    private static func interruptedReceive(
        _ means: Means, _ way: Way, _ generator: inout SeededGenerator
    ) async throws -> [UInt8]? {
        let context = way.context
        do {
            let message: [UInt8]?
            switch means {
            case .deadline:
                let wait = Int.random(in: 0...300, using: &generator)
                message = try await way.plainReceiver.receive(until: .after(.microseconds(wait)))
            case .cancellation:
                let task = Task { try await way.receive() }
                await Pause.random(&generator)
                task.cancel()
                message = try await task.value
            }
            guard let message else { throw context.failure("a message", "the end") }
            return message
        } catch let error as IPCError where error.code == means.code {
            return nil
        }
    }

    // MARK: Sending

    static func sends(_ means: Means, _ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            let bodies = try await senders(means, way, tasks: 1)
            try await context.together(bodies)
            try await way.expectNothingMore()
        }
        try await context.eachWay { way in
            let bodies = try await senders(means, way, tasks: 3)
            try await context.together(bodies)
            try await way.expectNothingMore()
        }
    }

    /// The channel is full at the start, and the receiver is slow, so that sends wait.
    private static func senders(
        _ means: Means, _ way: Way, tasks: Int
    ) async throws -> [@Sendable () async throws -> Void] {
        let context = way.context
        let size = context.bulkSize
        // The number of its own sender, so that each sender counts from 0.
        let room = try await way.fill(sender: tasks, size: size)
        let filled = room + (try await interruptedWhileFull(means, way, sender: tasks, filled: room, size: size))
        var bodies: [@Sendable () async throws -> Void] = (0..<tasks).map { sender in
            {
                var generator = context.generator.fork(sender)
                for index in 0..<count {
                    // Now and then one that is larger than what the kernel holds: it is interrupted half-way.
                    let record = Record.bytes(
                        sender: sender, index: index, size: index % 8 == 0 ? context.overflowingSize : size)
                    var attempts = 0
                    // What was refused is tried again: if it had been sent, it would arrive twice.
                    while try await !interruptedSend(record, means, way, attempts, &generator) { attempts += 1 }
                }
            }
        }
        bodies.append {
            var generator = context.generator.fork(tasks)
            var ledger = Ledger(context)
            var reassembler = Reassembler(context)
            while ledger.count < filled + tasks * count {
                guard let chunk = try await way.receive() else {
                    throw context.failure("\(filled + tasks * count) messages", "the end after \(ledger.count)")
                }
                for record in reassembler.add(chunk) { try ledger.take(record) }
                await Pause.random(&generator, upTo: 100)
            }
        }
        return bodies
    }

    /// One send; false when it was interrupted. The twentieth attempt is left alone.
    private static func interruptedSend(
        _ record: [UInt8], _ means: Means, _ way: Way, _ attempts: Int, _ generator: inout SeededGenerator
    ) async throws -> Bool {
        if attempts >= 20 {
            try await way.send(record)
            return true
        }
        do {
            switch means {
            case .deadline:
                let wait = Int.random(in: 0...300, using: &generator)
                try await way.plainSender.send(record, until: .after(.microseconds(wait)))
            case .cancellation:
                let task = Task { try await way.send(record) }
                await Pause.random(&generator)
                task.cancel()
                try await task.value
            }
            return true
        } catch let error as IPCError where error.code == means.code {
            return false
        }
    }

    /// Runs `body`, which waits, and interrupts it a little later.
    private static func interrupted<Result: Sendable>(
        _ means: Means, until limit: Deadline, _ body: @escaping @Sendable (Deadline) async throws -> Result
    ) async throws -> Result {
        switch means {
        case .deadline: return try await body(.after(.milliseconds(20)))
        case .cancellation:
            let task = Task { try await body(limit) }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            return try await task.value
        }
    }

    /// Into a full channel, the interruption is what happens: at the latest to the second send, where a transport may
    /// begin a message that does not fit. Returns how many were sent before.
    private static func interruptedWhileFull(
        _ means: Means, _ way: Way, sender: Int, filled: Int, size: Int
    ) async throws -> Int {
        for sent in 0..<16 {
            let record = Record.bytes(sender: sender, index: filled + sent, size: size)
            do {
                try await interrupted(means, until: way.context.limit) {
                    try await way.plainSender.send(record, until: $0)
                }
            } catch let error as IPCError where error.code == means.code {
                return sent
            }
        }
        throw way.context.failure("send into a full channel to be interrupted", "16 were sent")
    }

    // MARK: Over before it began

    static func passed(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            let size = context.smallSize
            try await context.expectError([.timedOut], "receive with a passed deadline and no message") {
                try await way.plainReceiver.receive(until: .now)
            }
            try await context.expectError([.cancelled], "receive in a cancelled task without a message") {
                try await cancelled { try await way.receive() }
            }
            try await way.plainSender.send(Record.bytes(sender: 0, index: 0, size: size), until: .now)
            var ledger = Ledger(context)
            var reassembler = Reassembler(context)
            while ledger.count < 1 {
                let message = try await receiveNow(way)
                for record in reassembler.add(message) { try ledger.take(record) }
            }
            let bulk = context.bulkSize
            let filled = try await way.fill(from: 1, size: bulk)
            let next = Record.bytes(sender: 0, index: filled + 1, size: bulk)
            try await context.expectError([.timedOut], "send with a passed deadline into a full channel") {
                try await way.plainSender.send(next, until: .now)
            }
            try await context.expectError([.cancelled], "send in a cancelled task into a full channel") {
                try await cancelled { try await way.send(next) }
            }
            try await way.receiveRecords(filled, into: &ledger)
            try await way.expectNothingMore()
        }
    }

    /// A passed deadline tries once: what is there comes. Where it takes a moment to get there, it comes a moment later.
    private static func receiveNow(_ way: Way) async throws -> [UInt8] {
        let limit = way.context.limit
        while !limit.hasPassed {
            do {
                guard let message = try await way.plainReceiver.receive(until: .now) else { break }
                return message
            } catch  where error.code == .timedOut {
                try await Task.sleep(for: .milliseconds(1))
            }
        }
        throw way.context.failure("the message that was there, with a passed deadline", "none")
    }

    /// Runs `body` in a task that is cancelled before it begins.
    private static func cancelled<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await body()
        }
        return try await task.value
    }
}
