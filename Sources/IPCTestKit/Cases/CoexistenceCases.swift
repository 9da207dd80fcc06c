import IPCSystem

/// Many channels in one process.
enum CoexistenceCases {
    /// One channel is full, then its peer goes, then it is closed; the other works all the time.
    static func independence(_ context: ConformanceContext) async throws {
        // Where a sender does not see that its receiver goes, the send goes on waiting, or has room when it went.
        let seesThePeerGo = context.guarantees.topology == .link && context.guarantees.detectsPeerDeath
        try await context.withPair { busy in
            let ways = context.ways(of: busy)
            var round = 0
            func works() async throws {
                for _ in 0..<50 {
                    round += 1
                    for (number, way) in ways.enumerated() {
                        let message = Record.bytes(sender: number, index: round, size: context.smallSize)
                        try await way.send(message)
                        var found: [UInt8] = []
                        while found.count < message.count, let piece = try await way.receive() { found += piece }
                        try context.expect(found == message, "the message of this channel", "another one")
                    }
                }
            }
            try await context.eachWay { other in
                try await works()
                let filled = try await other.fill(sender: 8, size: context.bulkSize)
                // As large as the others: a smaller one could still find room.
                let waiting = Task {
                    try await other.send(Record.bytes(sender: 8, index: filled, size: context.bulkSize))
                }
                try await works()
                if seesThePeerGo { other.receiver.close() }
                try await works()
                other.sender.close()
                try await context.expectError(
                    seesThePeerGo ? [.peerClosed, .closed] : [.closed],
                    "the send that waited on the other channel"
                ) { try await waiting.value }
                try await works()
            }
        }
    }

    /// Each of many channels has somebody who waits, and each gets its own message.
    static func many(_ given: ConformanceContext) async throws {
        let count = 1_000
        // The last one waits for all the others.
        var transport = given.transport
        transport.patience *= 4
        let context = ConformanceContext(topic: given.topic, transport: transport)
        // Two descriptors an end and direction, and what the process has besides.
        let limit = (try? TestingCalls.raiseDescriptorLimit(to: 12_000)) ?? 0
        var pairs: [ConformancePair] = []
        defer { for pair in pairs { pair.close() } }
        for number in 0..<count {
            do {
                pairs.append(try await context.transport.makePair())
            } catch {
                throw context.failure(
                    "\(count) open channels", "\(number), with a limit of \(limit) descriptors: \(error)")
            }
        }
        let ways = pairs.map { context.ways(of: $0) }
        var bodies: [@Sendable () async throws -> Void] = []
        for (number, ways) in ways.enumerated() {
            for (direction, way) in ways.enumerated() {
                bodies.append {
                    let expected = Record.bytes(sender: number, index: direction, size: context.smallSize)
                    var found: [UInt8] = []
                    while found.count < expected.count, let piece = try await way.receive() { found += piece }
                    try context.expect(found == expected, "message \(direction) of channel \(number)", "another one")
                }
            }
        }
        var generator = context.generator
        let order = (0..<count).shuffled(using: &generator)
        bodies.append {
            // Let them wait first, most of them at least.
            try await Task.sleep(for: .milliseconds(50))
            for number in order {
                for (direction, way) in ways[number].enumerated() {
                    try await way.send(Record.bytes(sender: number, index: direction, size: context.smallSize))
                }
            }
        }
        try await context.together(bodies)
    }

    /// Made, used and closed in every way, again and again. A descriptor a round would be 100 of them.
    static func census(_ context: ConformanceContext) async throws {
        let rounds = 100
        let before = DescriptorCensus.take()
        for round in 0..<rounds {
            try await context.withPair { pair in
                for way in context.ways(of: pair) {
                    try await way.send(Record.bytes(sender: 0, index: 0, size: context.smallSize))
                    if round % 2 == 0 { _ = try await way.receive() }
                    if round % 3 == 0 { try await way.finish() }
                    await interrupt(way)
                }
            }
        }
        var leftover = await LeakCheck.leftovers(since: before)
        // What other processes, and other tests, made meanwhile goes in the end.
        let limit = context.limit
        while largest(leftover) >= rounds / 2, !limit.hasPassed {
            try await Task.sleep(for: .milliseconds(50))
            leftover = leftover.intersection(DescriptorCensus.take())
        }
        try context.expect(
            largest(leftover) < rounds / 2, "nothing left of \(rounds) channels", "\(leftover)")
    }

    /// How many there are of what there is most.
    private static func largest(_ census: DescriptorCensus) -> Int {
        max(census.descriptors.count, census.sharedMemoryNames.count, census.children.count)
    }

    /// A wait that comes to nothing: its traces must go too.
    private static func interrupt(_ way: Way) async {
        _ = try? await way.plainReceiver.receive(until: .after(.microseconds(50)))
        let waiting = Task { try? await way.receive() }
        await Task.yield()
        waiting.cancel()
        _ = await waiting.value
    }

    static func declarations(_ context: ConformanceContext) async throws {
        try await context.withPair { pair in
            let ends: [(String, (any ChannelEnd)?, Bool, Bool)] = [
                ("near", pair.near.sender ?? pair.near.receiver, pair.near.sender != nil, pair.near.receiver != nil),
                ("far", pair.far.sender ?? pair.far.receiver, pair.far.sender != nil, pair.far.receiver != nil),
            ]
            for (name, end, sends, receives) in ends {
                guard let end else { throw context.failure("a \(name) end", "none") }
                var expected = context.guarantees
                expected.direction = sends && receives ? .both : sends ? .sends : .receives
                // One end may see more than both: who publishes to many does not care who reads.
                if !expected.detectsPeerDeath { expected.detectsPeerDeath = end.guarantees.detectsPeerDeath }
                try context.expect(
                    end.guarantees == expected, "the \(name) end to promise \(expected)", "\(end.guarantees)")
            }
        }
        let declared = Set(context.transport.declined.keys)
        let untested = ConformanceSuite.untested(context.transport)
        for (topic, reason) in untested {
            try context.expect(declared.contains(topic), "\(topic) to be declared as declined", "\(reason)")
        }
        for topic in declared {
            try context.expect(
                untested[topic] != nil, "\(topic) to be tested, because it can be", "it is declared as declined")
        }
    }
}
