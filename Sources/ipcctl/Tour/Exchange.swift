import IPCProcess

/// The conversation of the tour over a channel of messages: in the first process `run`, in the second `serve`.
///
/// The first byte of a message says what it is about; the second process answers accordingly.
struct Exchange<Incoming: ReceiveChannel<[UInt8]>, Outgoing: SendChannel<[UInt8]>> {
    private static var echo: UInt8 { 1 }
    private static var swallow: UInt8 { 2 }
    private static var report: UInt8 { 3 }

    let incoming: Incoming
    let outgoing: Outgoing

    /// Everything but the death: what came back is compared, and what was swallowed is counted and summed at both ends.
    func run(until deadline: Deadline) async throws -> TourResult {
        var result = TourResult()
        try await compareSizes(&result, until: deadline)
        try await measureRoundTrips(&result, until: deadline)
        try await measureStream(&result, until: deadline)
        return result
    }

    private func compareSizes(_ result: inout TourResult, until deadline: Deadline) async throws {
        let limit = min(outgoing.guarantees.maximumMessageSize, incoming.guarantees.maximumMessageSize)
        for size in [1, 2, 63, 64, 65, 1024, 4064, 65_536, 1 << 20] where size <= limit {
            let message = [Self.echo] + Pattern.bytes(count: size - 1, seed: size)
            try await outgoing.send(message, until: deadline)
            let answer = try await incoming.receive(until: deadline)
            try require(answer == message, "a message of \(size) bytes came back changed")
            result.messagesChecked += 1
        }
    }

    private func measureRoundTrips(_ result: inout TourResult, until deadline: Deadline) async throws {
        let clock = ContinuousClock()
        for round in 0..<2_000 {
            let message = [Self.echo] + Pattern.bytes(count: 63, seed: round)
            let start = clock.now
            try await outgoing.send(message, until: deadline)
            let answer = try await incoming.receive(until: deadline)
            result.roundTrips.append(clock.now - start)
            try require(answer == message, "round trip \(round) came back changed")
            result.messagesChecked += 1
        }
    }

    private func measureStream(_ result: inout TourResult, until deadline: Deadline) async throws {
        let size = min(65_536, outgoing.guarantees.maximumMessageSize)
        let count = (64 << 20) / size
        let message = [Self.swallow] + Pattern.bytes(count: size - 1, seed: 7)
        let clock = ContinuousClock()
        let start = clock.now
        for _ in 0..<count { try await outgoing.send(message, until: deadline) }
        try await outgoing.send([Self.report], until: deadline)
        let report = try await incoming.receive(until: deadline)
        result.streamTime = clock.now - start
        result.byteCount = count * size
        let expected = Tally(count: count, sum: UInt64(count) &* Pattern.sum(message))
        try require(report == expected.bytes, "what was swallowed does not add up")
        result.messagesChecked += count + 1
    }

    /// Answers until the other side finishes or is gone.
    func serve() async throws(IPCError) {
        var tally = Tally()
        while let message = try await incoming.receive() {
            switch message.first {
            case Self.swallow: tally.add(message)
            case Self.report: try await outgoing.send(tally.bytes)
            default: try await outgoing.send(message)
            }
        }
        try await outgoing.finish()
    }
}

/// How many messages came, and the sum of their bytes.
struct Tally {
    var count = 0
    var sum: UInt64 = 0

    mutating func add(_ message: [UInt8]) {
        count += 1
        sum &+= Pattern.sum(message)
    }

    var bytes: [UInt8] {
        [UInt64(count), sum].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }
}

/// Bytes that tell whether they are in their place.
enum Pattern {
    static func bytes(count: Int, seed: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 131) &+ seed) }
    }

    /// Quick enough not to be what is measured.
    static func sum(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 &+ UInt64($1) } }
}
