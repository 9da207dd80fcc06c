import IPCProcess
import IPCSync

/// Two plain semaphores pass a turn there and back. Of a leased one the second process has all permits when it is killed: they
/// come back.
struct SemaphoreStop: TourStop {
    let mechanism = "semaphores"

    private static let rounds = 2_000
    private static let permits = 3

    func visit(until deadline: Deadline) async throws -> TourResult {
        try await SyncPeer.visit(self) { region, child in
            let there = try region.semaphore("there", .plain, permits: 0)
            let back = try region.semaphore("back", .plain, permits: 0)
            let leased = try region.semaphore("leased", .leased, permits: Self.permits)
            var result = TourResult()
            let clock = ContinuousClock()
            for round in 0..<Self.rounds {
                let start = clock.now
                try await there.give()
                try await back.take(until: deadline)
                // The first one also waits for the second process to come.
                if round > 0 { result.roundTrips.append(clock.now - start) }
                try require(there.available == 0 && back.available == 0, "round \(round) left a permit over")
                result.messagesChecked += 1
            }
            try await region.event("in the middle", .manual).wait(until: deadline)
            try require(!(try leased.tryTake()), "a permit was there that the second process has")
            result.deathNotice = try await SyncPeer.noticeDeath(of: child, in: region, until: deadline) {
                await failure { () async throws(IPCError) in try await leased.take(until: deadline) }
            } expected: {
                $0 == nil
            }
            // The others are there as well, and no more than there were.
            for _ in 1..<Self.permits { try require(try leased.tryTake(), "a permit of the dead is missing") }
            try require(!(try leased.tryTake()), "more permits came back than there were")
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let region = try await SyncPeer.region(arguments)
        let there = try region.semaphore("there", .plain, permits: 0)
        let back = try region.semaphore("back", .plain, permits: 0)
        let leased = try region.semaphore("leased", .leased, permits: Self.permits)
        for _ in 0..<Self.permits { try await leased.take() }
        for _ in 0..<Self.rounds {
            try await there.take()
            try await back.give()
        }
        try await SyncPeer.stay(in: region)
    }
}
