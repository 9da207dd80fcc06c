import IPCProcess
import IPCSignals

/// Numbers over a real-time signal. They come back one higher, and many at once come in the order in which they were sent.
struct SignalStop: TourStop {
    let mechanism = "signals"

    private static let rounds: Int32 = 2_000
    private static let streamed: Int32 = 20_000
    /// What says that the stream begins.
    private static let beginning: Int32 = -1

    func visit(until deadline: Deadline) async throws -> TourResult {
        let channel = try SignalChannel(on: .realTimeSignals[0])
        defer { channel.close() }
        let child = try await Tour.startPeer(of: self, transferring: [channel.invitation])
        return try await withPeer(child) { child in
            try await channel.waitUntilOpen(until: deadline)
            var result = TourResult()
            let clock = ContinuousClock()
            for number in 0..<Self.rounds {
                let start = clock.now
                try await channel.send(number, until: deadline)
                let answer = try await channel.receive(until: deadline)
                result.roundTrips.append(clock.now - start)
                try require(answer == number + 1, "\(number) came back as \(answer.map { "\($0)" } ?? "the end")")
                result.messagesChecked += 1
            }
            try await channel.send(Self.beginning, until: deadline)
            let start = clock.now
            for expected in 0..<Self.streamed {
                let number = try await channel.receive(until: deadline)
                try require(number == expected, "\(expected) was overtaken")
                result.messagesChecked += 1
            }
            result.streamTime = clock.now - start
            result.byteCount = Int(Self.streamed) * 4
            result.deathNotice = try await Death.notice(of: child, by: channel.bytes, until: deadline)
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try SignalChannel(accepting: try InheritedEndpoints.take(0, as: SignalInvitation.self))
        while let number = try await channel.receive() {
            if number == Self.beginning {
                for number in 0..<Self.streamed { try await channel.send(number) }
            } else {
                try await channel.send(number + 1)
            }
        }
    }
}
