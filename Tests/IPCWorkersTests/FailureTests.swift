import IPCWorkers
import TestSupport
import Testing

@Suite(.watched) struct FailureTests {
    /// In the helper program, whose workers are itself: the names of error types have their module in them.
    @Test func typedErrorsArriveAsThemselves() async throws {
        let output = try await Command(.path(helperPath), arguments: ["typed-errors"]).output()
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    @Test func otherErrorsArriveWithTheirDescription() async throws {
        try await withHelperPool { pool async throws in
            for kind in [ThrowOne.Kind.unlisted, .plain] {
                let error = await thrown { try await pool.run(ThrowOne(kind: kind)) } as? IPCError
                #expect(error?.code == .taskFailed)
                #expect(error?.message.contains("Fault") == true)
            }
            let library = await thrown { try await pool.run(ThrowOne(kind: .library)) } as? IPCError
            #expect(library?.code == .notFound)
            #expect(library?.message == "no such thing")
            let cancelled = await code { try await pool.run(ThrowOne(kind: .cancelled)) }
            #expect(cancelled == .cancelled)
        }
    }

    @Test func mapEndsWithTheFirstFailure() async throws {
        try await withHelperPool { pool async throws in
            var values: [Int] = []
            let error = await thrown {
                let tasks = [TypedThrow(number: 1), TypedThrow(number: 2)]
                for try await value in pool.map(tasks) { values.append(value) }
            }
            #expect((error as? IPCError)?.message.contains("number: 1") == true)
            #expect(values.isEmpty)
            #expect(try await pool.run(Square(value: 2)) == 4)
        }
    }

    @Test(arguments: [Crash.Way.kill, .trap, .story, .exit, .channel])
    func crashFailsOnlyItsTask(_ way: Crash.Way) async throws {
        try await withHelperPool { pool async throws in
            async let crash = thrown { try await pool.run(Crash(way: way)) }
            var sum = 0
            for try await value in pool.map((0..<500).map { Square(value: $0) }) { sum += value }
            #expect(sum == 41_541_750)
            let error = try #require(await crash as? IPCError)
            #expect(error.code == .workerCrashed)
            let details = try #require(error.workerCrash)
            switch way {
            case .kill: #expect(details.status == .signaled(.kill, coreDumped: false))
            case .trap:
                #expect(details.status?.isSuccess == false)
                #expect(details.standardErrorTail.contains("the task trapped on purpose"))
                #expect(error.message.contains("the task trapped on purpose"))
            case .story:
                #expect(details.standardErrorTail.hasPrefix("Story.swift:7: Fatal error: the task trapped on purpose"))
                #expect(details.standardErrorTail.hasSuffix("the end"))
                #expect(error.message.contains("the task trapped on purpose"))
            case .exit: #expect(details.status == .exited(7))
            case .channel: #expect(details.status?.isSuccess == false)
            }
            // Both places are filled again.
            for value in 0..<20 { #expect(try await pool.run(Square(value: value)) == value * value) }
        }
    }

    /// Tasks behind a crash and answers before it, in one batch: each has its own outcome, and only one is blamed.
    @Test func eachOfManyHasItsOwnOutcome() async throws {
        struct Mixed: SharedTask {
            func run(in context: WorkerContext) async throws -> Int { 0 }
        }
        try await withHelperPool(1) { pool async throws in
            for _ in 0..<20 {
                // A warm pool, so that a wide window sends many at once.
                _ = try await pool.map(repeatElement(Noop(), count: 300)).reduce(0, +)
                async let before = pool.map(repeatElement(Noop(), count: 40)).reduce(0, +)
                async let crash = code { try await pool.run(Crash(way: .kill)) }
                async let after = pool.map(repeatElement(Noop(), count: 40)).reduce(0, +)
                #expect(try await before == 40)
                #expect(await crash == .workerCrashed)
                #expect(try await after == 40)
            }
        }
    }

    @Test func taskThatMayBeStartedTwiceIs() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool { pool async throws in
                #expect(try await pool.run(CrashOnce(marker: "\(folder)/marker")) == "second time")
            }
        }
    }

    @Test func workersKilledFromOutside() async throws {
        try await withHelperPool { pool async throws in
            var crashed = 0
            var done = 0
            for round in 0..<10 {
                let victim = try await pool.run(WorkerProcessID())
                async let results = outcomes(pool, 100)
                try await Task.sleep(for: .milliseconds(round))
                _ = try await Command("kill", "-9", "\(victim)").output()
                for result in try await results {
                    switch result {
                    case .success: done += 1
                    case .failure(let error):
                        #expect((error as? IPCError)?.code == .workerCrashed)
                        crashed += 1
                    }
                }
            }
            #expect(done + crashed == 1000)
            #expect(crashed <= 10)
        }
    }

    private func outcomes(_ pool: WorkerPool, _ count: Int) async throws -> [Result<Int, any Error>] {
        var results: [Result<Int, any Error>] = []
        for try await outcome in pool.outcomes(of: (0..<count).map { Burn(milliseconds: 1, value: $0) }) {
            #expect(outcome.index == results.count)
            if case .success(let value) = outcome.result { #expect(value == outcome.index) }
            results.append(outcome.result)
        }
        return results
    }

    @Test func stormOfKills() async throws {
        try await withTemporaryDirectory { folder async throws in
            let output = try await Command(
                .path(helperPath), arguments: ["kill-storm", "1200", "15", "\(folder)/stamps"]
            ).output()
            #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        }
    }

    /// The short form of a worker that dies every 50 ms under 2,000 jobs.
    @Test func stormOfKillsUnderLongJobs() async throws {
        try await withTemporaryDirectory { folder async throws in
            let output = try await Command(
                .path(helperPath), arguments: ["kill-storm", "200", "50", "\(folder)/stamps", "20000", "2"]
            ).output()
            #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        }
    }

    /// The program has no descriptors left while outputs and replacements come.
    @Test func programWithoutDescriptors() async throws {
        let command = Command(
            .path(helperPath), arguments: ["pool-without-descriptors"],
            options: .init(environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"])))
        var output = try await command.output(until: .after(.seconds(200)))
        // libdispatch looks at its threads through /proc once a second while they have much to do, and ends the program where
        // it cannot (`_dispatch_workq_monitor_pools`): by SIGILL and without a word, which no trap of Swift's is.
        for _ in 0..<5 {
            guard case .signaled(.illegalInstruction, _) = output.status, output.errorText.isEmpty else { break }
            output = try await command.output(until: .after(.seconds(200)))
        }
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    @Test func limitOfRestarts() async throws {
        var options = WorkerPoolOptions.helper
        options.restartLimit = .init(count: 3, in: .seconds(600))
        try await withHelperPool(1, options: options) { pool async throws in
            for _ in 0..<4 {
                let crash = await code { try await pool.run(Crash(way: .kill)) }
                #expect(crash == .workerCrashed)
            }
            let error = await thrown { try await pool.run(Noop()) } as? IPCError
            #expect(error?.code == .restartLimitReached)
            #expect(error?.message.contains("restartLimit") == true)
        }
    }

    @Test func standardErrorThatNobodyReadsHoldsNobodyUp() async throws {
        try await withHelperPool { pool async throws in
            #expect(try await pool.run(Complain(bytes: 10_000_000)) == 10_000_000)
        }
    }
}
