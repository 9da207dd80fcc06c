import IPCProcess
import IPCSharedMemory

/// A value that the first process writes and the second one answers on a board of its own.
struct BlackboardStop: TourStop {
    /// A value whose words all follow from its number.
    private struct Sheet: PlainData {
        var words: InlineArray<64, UInt64>

        init(_ number: UInt64) {
            words = .init(repeating: 0)
            for index in 0..<64 { words[index] = number &* UInt64(index + 1) }
        }

        /// The number, if every word is what it must be.
        var number: UInt64? {
            for index in 0..<64 where words[index] != words[0] &* UInt64(index + 1) { return nil }
            return words[0]
        }
    }

    let mechanism = "blackboard"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let place = SharedMemoryPlace.named(name)
        let answers = SharedMemoryPlace.named("\(name)-answers")
        defer {
            try? SharedMemory.remove(place)
            try? SharedMemory.remove(answers)
        }
        let board = try Blackboard<Sheet>.Writer(at: place, .create)
        // Made here, so that it is there to be read; the second process writes it.
        try Blackboard<Sheet>.Writer(at: answers, .create).close()
        let reader = try Blackboard<Sheet>.Reader(at: answers)
        let child = try await Tour.startPeer(of: self, arguments: [name])
        return try await withPeer(child) { child in
            var result = TourResult()
            let clock = ContinuousClock()
            for round in 1...2_000 as ClosedRange<UInt64> {
                let start = clock.now
                try board.publish(Sheet(round))
                let answer = try await reader.change(after: round - 1, until: deadline)
                // The first one also waits for the second process to come.
                if round > 1 { result.roundTrips.append(clock.now - start) }
                try require(answer?.value.number == round, "value \(round) came back changed")
                result.messagesChecked += 1
            }
            result.deathNotice = try await noticeDeath(of: child, reader, until: deadline)
            return result
        }
    }

    /// From the kill to the moment at which the board can be written again.
    private func noticeDeath(
        of child: ChildProcess, _ reader: Blackboard<Sheet>.Reader, until deadline: Deadline
    ) async throws -> Duration {
        try await Death.notice(of: child) { () -> Bool in
            while (try? reader.hasWriter) == true, !deadline.hasPassed { await Task.yield() }
            return (try? reader.latest?.number) != nil
        } expected: { isWhole in
            isWhole
        }
    }

    func serve(_ arguments: [String]) async throws {
        let reader = try Blackboard<Sheet>.Reader(at: .named(arguments[0]))
        let board = try Blackboard<Sheet>.Writer(at: .named("\(arguments[0])-answers"))
        for try await entry in reader.changes { try board.publish(entry.value) }
    }
}
