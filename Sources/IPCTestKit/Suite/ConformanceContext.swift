/// What a case works with: the transport, its patience, and ways to say what went wrong.
struct ConformanceContext: Sendable {
    let topic: ConformanceTopic
    let transport: ConformanceTransport

    var guarantees: ChannelGuarantees { transport.guarantees }
    var generator: SeededGenerator { SeededGenerator(seed: transport.seed) }

    /// The deadline of a wait that must come to something.
    var limit: Deadline { .after(transport.patience) }

    func failure(_ expected: String, _ seen: String) -> ConformanceFailure {
        ConformanceFailure(
            topic: topic, transport: transport.name, expected: expected, seen: seen, seed: transport.seed)
    }

    func expect(_ condition: Bool, _ expected: String, _ seen: @autoclosure () -> String) throws {
        if !condition { throw failure(expected, seen()) }
    }

    /// Runs `body`, which must throw one of `codes`.
    @discardableResult
    func expectError<Result>(
        _ codes: [IPCError.Code], _ doing: String, _ body: () async throws -> Result
    ) async throws -> IPCError {
        let expected = "\(doing) to throw \(codes.map(\.description).joined(separator: " or "))"
        do {
            let result = try await body()
            throw failure(expected, "it returned \(Self.brief(result))")
        } catch let error as IPCError {
            try expect(codes.contains(error.code), expected, "\(error)")
            return error
        } catch let error as BatchError {
            try expect(codes.contains(error.error.code), expected, "\(error)")
            return error.error
        } catch let error as ChannelBodyError<BodyFailure> {
            guard case .channel(let inner) = error else { throw failure(expected, "\(error)") }
            try expect(codes.contains(inner.code), expected, "\(inner)")
            return inner
        }
    }

    static func brief(_ result: Any) -> String {
        if let bytes = result as? [UInt8] { return "\(bytes.count) bytes" }
        return "\(result)"
    }

    /// A pair that is closed afterwards.
    func withPair(_ body: (ConformancePair) async throws -> Void) async throws {
        let pair = try await transport.makePair()
        defer { pair.close() }
        try await body(pair)
    }

    /// Runs `body` on each direction of a pair of its own: both of a duplex link, the one that there is otherwise.
    func eachWay(_ body: (Way) async throws -> Void) async throws {
        var index = 0
        var count = 1
        while index < count {
            try await withPair { pair in
                let ways = ways(of: pair)
                count = ways.count
                try expect(index < count, "the same directions from pair to pair", "\(count) instead of \(index + 1)")
                try await body(ways[index])
            }
            index += 1
        }
    }

    /// The directions of a pair. Both handles of a queue stand before one place, so that it has one direction.
    func ways(of pair: ConformancePair) -> [Way] {
        var ways: [Way] = []
        if let sender = pair.near.sender, let receiver = pair.far.receiver {
            ways.append(Way(context: self, sender: sender, receiver: receiver))
        }
        if guarantees.topology == .link, let sender = pair.far.sender, let receiver = pair.near.receiver {
            ways.append(Way(context: self, sender: sender, receiver: receiver))
        }
        return ways
    }

    /// Runs the bodies at the same time. The first that throws cancels the others, and its error is thrown.
    func together(_ bodies: [@Sendable () async throws -> Void]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for body in bodies { group.addTask { try await body() } }
            for try await _ in group {}
        }
    }

    /// Runs `waiting` in several tasks, and `event` when they most probably wait.
    func together(
        waiters: Int, _ waiting: @escaping @Sendable () async throws -> Void,
        then event: @escaping @Sendable () async throws -> Void
    ) async throws {
        let delayed: @Sendable () async throws -> Void = {
            try await Task.sleep(for: .milliseconds(20))
            try await event()
        }
        try await together([@Sendable () async throws -> Void](repeating: waiting, count: waiters) + [delayed])
    }
}

/// The error that a case's closure throws.
struct BodyFailure: Error {}
