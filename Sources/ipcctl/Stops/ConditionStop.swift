import IPCProcess
import IPCSync

/// A turn that goes there and back under a mutex, with a condition to wait for it. The second process is killed in the middle
/// of a change while the first one waits for the condition: that one gets the mutex, is told, and finds the value whole.
struct ConditionStop: TourStop {
    let mechanism = "condition"

    private static let rounds = 2_000

    func visit(until deadline: Deadline) async throws -> TourResult {
        try await SyncPeer.visit(self) { region, child in
            let mutex = try region.mutex("turn", initial: TourPair())
            let passed = try region.condition("passed")
            var result = TourResult()
            let clock = ContinuousClock()
            for round in 0..<Self.rounds {
                let start = clock.now
                try await mutex.withLock(until: deadline) { $0.advance() }
                passed.signal()
                let turn = try await mutex.lock(when: passed, until: deadline) { $0.number.isMultiple(of: 2) }
                if round > 0 { result.roundTrips.append(clock.now - start) }
                let (number, isWhole) = (turn.value.number, turn.value.isWhole)
                try require(number == 2 * (round + 1) && isWhole, "round \(round) came back as \(number)")
                result.messagesChecked += 1
            }
            let number = 2 * Self.rounds + 1
            result.deathNotice = try await SyncPeer.noticeDeath(of: child, in: region, until: deadline) {
                await Self.waitForNews(mutex, passed, until: deadline)
            } expected: {
                $0 == .success(TourPair(number: number, double: 2 * number))
            }
            return result
        }
    }

    /// One more turn, in which the second process changes half of the value and stays. Waits for the condition until it has
    /// the mutex from a dead owner, and gives the value.
    private static func waitForNews(
        _ mutex: ProcessMutex<TourPair>, _ passed: ProcessCondition, until deadline: Deadline
    ) async -> Result<TourPair, IPCError> {
        do throws(IPCError) {
            var turn = try await mutex.lock(until: deadline)
            turn.value.advance()
            passed.signal()
            while !turn.previousOwnerDied { turn = try await passed.wait(with: turn, until: deadline) }
            return .success(turn.value)
        } catch {
            return .failure(error)
        }
    }

    func serve(_ arguments: [String]) async throws {
        let region = try await SyncPeer.region(arguments)
        let mutex = try region.mutex("turn", initial: TourPair())
        let passed = try region.condition("passed")
        for _ in 0..<Self.rounds {
            let turn = try await mutex.lock(when: passed) { !$0.number.isMultiple(of: 2) }
            turn.value.advance()
            try turn.unlock()
            passed.signal()
        }
        let turn = try await mutex.lock(when: passed) { !$0.number.isMultiple(of: 2) }
        turn.value.number += 1
        try await SyncPeer.stay(in: region)
        turn.value.double += 2
    }
}
