import IPCProcess
import IPCSync

/// Two parties that wait for each other, round after round. When the second is killed the first one is not left to wait.
struct BarrierStop: TourStop {
    let mechanism = "barrier"

    private static let rounds = 2_000

    func visit(until deadline: Deadline) async throws -> TourResult {
        try await SyncPeer.visit(self) { region, child in
            let barrier = try region.barrier("step", parties: 2)
            let party = try await barrier.join(until: deadline)
            // How far the second process is, in a word that it raises before it arrives.
            let steps = try region.latch("steps", count: Self.rounds)
            var result = TourResult()
            let clock = ContinuousClock()
            for round in 0..<Self.rounds {
                let start = clock.now
                try await party.arrive(until: deadline)
                if round > 0 { result.roundTrips.append(clock.now - start) }
                // It may be one step further already, and no more.
                let done = Self.rounds - steps.remaining
                try require(done == round + 1 || done == round + 2, "after round \(round) the other is at \(done)")
                result.messagesChecked += 1
            }
            try require(barrier.completedRounds == Self.rounds, "\(barrier.completedRounds) rounds were counted")
            result.deathNotice = try await SyncPeer.noticeDeath(of: child, in: region, until: deadline) {
                await failure { () async throws(IPCError) in try await party.arrive(until: deadline) }?.code
            } expected: {
                $0 == .peerClosed
            }
            try await barrier.reset(until: deadline)
            try require(!barrier.isBroken && barrier.memberCount == 1, "the barrier is not whole after its reset")
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let region = try await SyncPeer.region(arguments)
        let party = try await region.barrier("step", parties: 2).join()
        let steps = try region.latch("steps", count: Self.rounds)
        for _ in 0..<Self.rounds {
            try steps.countDown()
            try await party.arrive()
        }
        try await SyncPeer.stay(in: region)
        party.leave()
    }
}
