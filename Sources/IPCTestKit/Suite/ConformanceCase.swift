/// One case of the conformance suite for one transport.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// What it is about.
    public let topic: ConformanceTopic
    /// The transport.
    public let transport: ConformanceTransport
    private let body: @Sendable (ConformanceContext) async throws -> Void

    init(
        _ topic: ConformanceTopic, _ transport: ConformanceTransport,
        _ body: @escaping @Sendable (ConformanceContext) async throws -> Void
    ) {
        self.topic = topic
        self.transport = transport
        self.body = body
    }

    /// Topic and transport.
    public var description: String { "\(topic.rawValue) of \(transport.name)" }

    /// Runs the case under a watchdog, and checks that it left nothing behind. Cases of one process run one at a time,
    /// because they count what the process holds. What other tests of the process open meanwhile and keep may make a case
    /// last as long as the transport's patience; where many tests run at once, a process of its own for each case is better.
    ///
    /// - Throws: ``ConformanceFailure``.
    public func run() async throws {
        let context = ConformanceContext(topic: topic, transport: transport)
        try await ExclusiveGate.conformance.enter {
            do {
                try await withWatchdog(transport.watchdog, description) {
                    try await runAndCount(context)
                }
            } catch let failure as ConformanceFailure {
                throw failure
            } catch {
                throw context.failure("no error", "\(error)")
            }
        }
    }

    /// A leak is there each time, and stays; what other tests, and other processes, hold meanwhile goes with them. So each of
    /// several rounds must have left something behind, and that must outlast the transport's patience.
    private func runAndCount(_ context: ConformanceContext) async throws {
        // What the library and the runtime make once and keep, they make now.
        try await context.transport.makePair().close()
        try await Task.sleep(for: .milliseconds(1))
        var rounds: [DescriptorCensus] = []
        for round in 0..<4 {
            let before = DescriptorCensus.take()
            try await body(context)
            // The first one is made again rather than waited for: more often than not it is the runtime that has kept something.
            rounds.append(await LeakCheck.leftovers(since: before, looks: round == 0 ? 5 : 75))
            if !LeakCheck.isLeak(rounds) { return }
        }
        let limit = context.limit
        while !limit.hasPassed {
            try await Task.sleep(for: .milliseconds(50))
            let now = DescriptorCensus.take()
            rounds = rounds.map { $0.intersection(now) }
            if !LeakCheck.isLeak(rounds) { return }
        }
        throw context.failure("nothing left behind", "\(rounds.map(\.description).joined(separator: "; "))")
    }
}

enum LeakCheck {
    /// Whether something of one kind is left of every round.
    static func isLeak(_ rounds: [DescriptorCensus]) -> Bool {
        rounds.allSatisfy { !$0.descriptors.isEmpty } || rounds.allSatisfy { !$0.sharedMemoryNames.isEmpty }
            || rounds.allSatisfy { !$0.children.isEmpty }
    }

    /// What is there since `before` and stays, looked at so many times.
    static func leftovers(since before: DescriptorCensus, looks: Int = 75) async -> DescriptorCensus {
        var leftover = DescriptorCensus.take().subtracting(before)
        for _ in 0..<looks where !leftover.isEmpty {
            try? await Task.sleep(for: .milliseconds(20))
            leftover = leftover.intersection(DescriptorCensus.take())
        }
        return leftover
    }
}
