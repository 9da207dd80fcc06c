import TestSupport
import Testing

@testable import IPCWorkers

/// Pools whose workers go before they begin anything.
@Suite(.watched) struct StartTests {
    private let death = IPCError(.workerCrashed, "on purpose")

    /// Each death comes so late after the one before that no number of deaths in a time is ever reached.
    @Test(arguments: [1, 2])
    func workersThatNeverBeginEndThePool(_ count: Int) async throws {
        var options = WorkerPoolOptions.helper
        options.arguments = ["worker-that-goes"]
        options.environment = options.environment.updating(["HELPER_SERVES_NOT": "1"])
        options.restartLimit = .init(count: 1_000_000, in: .seconds(1))
        options.startAttempts = 4
        let error = try await withHelperPool(count, options: options) { pool async throws in
            let first = await thrown { try await pool.run(Noop(), until: .after(.seconds(100))) } as? IPCError
            // It has given up: whoever comes later is told at once.
            let second = await thrown { try await pool.run(Noop(), until: .after(.seconds(100))) } as? IPCError
            #expect(second?.code == first?.code)
            #expect(pool.statistics.crashes >= 4 * count)
            return first
        }
        #expect(error?.code == .restartLimitReached)
        #expect(error?.message.contains("startAttempts") == true, "\(String(describing: error))")
        #expect(error?.message.contains("the licence has run out") == true)
        #expect(error?.workerCrash?.status == .exited(3))
    }

    @Test func placeAfterPlaceIsCounted() {
        var tally = StartTally(places: 2, 3)
        for _ in 0..<10 { #expect(tally.permits(0) == true) }
        #expect(tally.permits(1) == true)
        #expect(tally.permits(1) == true)
        #expect(tally.permits(1) == false)
        #expect(tally.error(death).code == .restartLimitReached)
    }

    @Test func whoBeginsATaskBeginsTheCountAnew() {
        var tally = StartTally(places: 1, 2)
        for _ in 0..<10 {
            #expect(tally.permits(0) == true)
            tally.began()
        }
        #expect(tally.permits(0) == true)
        #expect(tally.permits(0) == false)
        // A limit of none is one attempt.
        var none = StartTally(places: 1, 0)
        #expect(none.permits(0) == false)
    }

    /// Nobody waits: that workers die while there is no work ends nothing.
    @Test func deathsWithoutWorkEndNothing() async throws {
        var options = WorkerPoolOptions.helper
        options.startAttempts = 2
        options.restartBackoff = .none
        try await withHelperPool(1, options: options) { pool async throws in
            for _ in 0..<4 {
                try await eventually { pool.statistics.workers[0].state == .idle }
                let process = try #require(pool.statistics.workers[0].processID)
                _ = try await Command("kill", "-9", "\(process)").output()
                try await eventually { pool.statistics.workers[0].processID != process }
            }
            #expect(try await pool.run(Noop()) == 1)
        }
    }
}
