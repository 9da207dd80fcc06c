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
    /// because they count what the process holds.
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

    /// A leak is there each time; what other tests, and other processes, hold meanwhile is not. So leftovers are counted
    /// again before they are blamed on the transport, and there must be as many as there were rounds.
    private func runAndCount(_ context: ConformanceContext) async throws {
        // What the library and the runtime make once and keep, they make now.
        try await context.transport.makePair().close()
        try await Task.sleep(for: .milliseconds(1))
        let first = DescriptorCensus.take()
        let rounds = 4
        for _ in 0..<rounds {
            let before = DescriptorCensus.take()
            try await body(context)
            if await LeakCheck.leftovers(since: before).isEmpty { return }
        }
        let leftover = await LeakCheck.leftovers(since: first)
        let counts = [leftover.descriptors.count, leftover.sharedMemoryNames.count, leftover.children.count]
        if counts.contains(where: { $0 >= rounds }) { throw context.failure("nothing left behind", "\(leftover)") }
    }
}

enum LeakCheck {
    /// What is there since `before` and stays.
    static func leftovers(since before: DescriptorCensus) async -> DescriptorCensus {
        var leftover = DescriptorCensus.take().subtracting(before)
        for _ in 0..<75 where !leftover.isEmpty {
            try? await Task.sleep(for: .milliseconds(20))
            leftover = leftover.intersection(DescriptorCensus.take())
        }
        return leftover
    }
}
