import IPCSystem
import Synchronization

/// Many tasks at once on one channel.
enum ConcurrencyCases {
    /// All directions at the same time, each with eight senders.
    static func senders(_ context: ConformanceContext) async throws {
        let senders = 8
        let count = 150
        try await context.withPair { pair in
            let ways = context.ways(of: pair)
            var bodies: [@Sendable () async throws -> Void] = []
            for way in ways {
                for sender in 0..<senders {
                    bodies.append {
                        var generator = context.generator.fork(sender)
                        for index in 0..<count {
                            try await way.send(
                                Record.bytes(sender: sender, index: index, size: context.recordSize(&generator)))
                        }
                    }
                }
                bodies.append {
                    var ledger = Ledger(context)
                    try await way.receiveRecords(senders * count, into: &ledger)
                    try ledger.expect(count, from: senders)
                }
            }
            try await context.together(bodies)
            for way in ways { try await way.expectNothingMore() }
        }
    }

    /// Eight receivers share the messages; the end, where there is one, reaches all of them.
    static func receivers(_ context: ConformanceContext) async throws {
        let receivers = 8
        let count = 1_200
        try await context.eachWay { way in
            let claims = Atomic<Int>(0)
            let merged = Lock(Ledger(context, isComplete: false))
            var bodies: [@Sendable () async throws -> Void] = [
                {
                    var generator = context.generator
                    for index in 0..<count {
                        try await way.send(
                            Record.bytes(sender: 0, index: index, size: context.recordSize(&generator)))
                    }
                    if context.guarantees.topology == .link { try await way.finish() }
                }
            ]
            for _ in 0..<receivers {
                bodies.append {
                    var ledger = Ledger(context, isComplete: false)
                    // A link is read until its end; of a queue, whose end nobody tells, just what was put in.
                    while context.guarantees.topology == .link
                        || claims.wrappingAdd(1, ordering: .relaxed).oldValue < count
                    {
                        guard let message = try await way.receive() else { break }
                        try ledger.take(message)
                    }
                    let found = ledger
                    try merged.withLock { try $0.merge(found) }
                }
            }
            try await context.together(bodies)
            try merged.withLock { try $0.expect(count, from: 1) }
        }
    }

    /// Whoever waits on an end that is closed gets `.closed`, and so does everybody later.
    static func closeWhileWaiting(_ context: ConformanceContext) async throws {
        var generator = context.generator
        for round in 0..<6 {
            // At first certainly while they wait, then at any instant.
            let pause = round == 0 ? 50_000 : Int.random(in: 0...1_000, using: &generator)
            try await context.eachWay { way in
                try await closing(
                    way.receiver, pause, waiting: { _ = try await way.receive() }, "receive", context)
                try await context.expectError([.closed], "tryReceive after close") {
                    try way.plainReceiver.tryReceive()
                }
            }
            // A sender that drops messages never waits, and so cannot be closed while it does.
            guard context.guarantees.isLossless else { continue }
            try await context.eachWay { way in
                _ = try await way.fill(size: context.bulkSize)
                try await closing(
                    way.sender, pause,
                    waiting: {
                        for _ in 0..<10_000 {
                            try await way.send(Record.bytes(sender: 1, index: 0, size: context.smallSize))
                        }
                    }, "send", context)
                try await context.expectError([.closed], "trySend after close") {
                    try way.plainSender.trySend([1])
                }
            }
        }
    }

    private static func closing(
        _ end: any ChannelEnd, _ pause: Int, waiting: @escaping @Sendable () async throws -> Void, _ name: String,
        _ context: ConformanceContext
    ) async throws {
        var bodies: [@Sendable () async throws -> Void] = (0..<6).map { _ in
            { try await context.expectError([.closed], "\(name) while the end is closed", waiting) }
        }
        bodies.append {
            try await Task.sleep(for: .microseconds(pause))
            end.close()
        }
        try await context.together(bodies)
        end.close()
        try await context.expectError([.closed], "\(name) after close", waiting)
    }

    static func backpressure(_ context: ConformanceContext) async throws {
        try await context.eachWay { way in
            let size = context.bulkSize
            let filled = try await way.fill(size: size)
            try context.expect(
                filled < 20_000, "a channel that is full at some time", "\(filled) messages without a receiver")
            if let capacity = context.guarantees.messageCapacity {
                try context.expect(filled == capacity, "room for \(capacity) messages", "\(filled)")
            }
            try refusalsTakeNoMemory(way, size)
            // What is tried with a deadline is sent or not, and soon it is not.
            var sent = filled
            var refused = 0
            for _ in 0..<16 where refused < 2 {
                do {
                    try await way.plainSender.send(
                        Record.bytes(sender: 0, index: sent, size: size), until: .after(.milliseconds(20)))
                    sent += 1
                } catch {
                    guard let error = error as? IPCError, error.code == .timedOut else { throw error }
                    refused += 1
                }
            }
            try context.expect(refused == 2, "send to wait while the channel is full", "\(sent - filled) sent")
            try await suspendedSend(way, sent, size)
        }
    }

    private static func refusalsTakeNoMemory(_ way: Way, _ size: Int) throws {
        let message = [UInt8](repeating: 1, count: size)
        let attempts = min(20_000, 268_435_456 / size)
        let before = MemoryUse.now.resident
        for _ in 0..<attempts {
            let wasSent = try way.plainSender.trySend(message)
            try way.context.expect(!wasSent, "trySend to say no while the channel is full", "it sent")
        }
        let growth = MemoryUse.now.resident - before
        // Tests beside this one use memory too; hoarding what was refused would take all of it.
        let volume = attempts * size
        try way.context.expect(
            volume < 67_108_864 || growth < volume / 2, "flat memory",
            "\(growth) bytes more after \(volume) bytes were refused")
    }

    /// A send without room does not return before a receiver makes some; then everything arrives.
    private static func suspendedSend(_ way: Way, _ sent: Int, _ size: Int) async throws {
        let context = way.context
        let hasReturned = Atomic<Int>(0)
        let waiting = 50
        try await context.together([
            {
                for offset in 0..<waiting {
                    try await way.send(Record.bytes(sender: 0, index: sent + offset, size: size))
                    hasReturned.wrappingAdd(1, ordering: .sequentiallyConsistent)
                }
            },
            {
                try await Task.sleep(for: .milliseconds(50))
                let returned = hasReturned.load(ordering: .sequentiallyConsistent)
                // The rest of one message may be on its way, and room that the large messages left.
                try context.expect(returned < waiting, "send to suspend while the channel is full", "all returned")
                var ledger = Ledger(context)
                try await way.receiveRecords(sent + waiting, into: &ledger)
            },
        ])
        try await way.expectNothingMore()
    }
}
