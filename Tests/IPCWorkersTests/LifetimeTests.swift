import IPCWorkers
import TestSupport
import Testing

@Suite(.watched) struct LifetimeTests {
    @Test(arguments: [true, false]) func cancellationReachesTheTask(_ suspends: Bool) async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(1) { pool async throws in
                let caller = Task { try await pool.run(WaitForCancellation(folder: folder, suspends: suspends)) }
                try await eventually { exists("\(folder)/started") }
                caller.cancel()
                let result = await caller.result
                #expect(throws: IPCError.self) { try result.get() }
                try await eventually { exists("\(folder)/cancelled") }
                // The same worker serves on.
                #expect(try await pool.run(Square(value: 6)) == 36)
            }
        }
    }

    @Test func taskThatIsCancelledBeforeItStartsIsNotStarted() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(1) { pool async throws in
                // The one worker is busy before the other task is handed in.
                try await withTemporaryDirectory { other async throws in
                    let busy = Task { try await pool.run(WaitForCancellation(folder: other, suspends: true)) }
                    try await eventually { exists("\(other)/started") }
                    let caller = Task { try await pool.run(WaitForCancellation(folder: folder, suspends: true)) }
                    try await Task.sleep(for: .milliseconds(20))
                    caller.cancel()
                    _ = await caller.result
                    busy.cancel()
                    _ = await busy.result
                }
                #expect(try await pool.run(Square(value: 6)) == 36)
                #expect(!exists("\(folder)/started"))
            }
        }
    }

    @Test func deadlineEndsTheWaitAndTheTask() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(1) { pool async throws in
                let error = await code {
                    try await pool.run(
                        WaitForCancellation(folder: folder, suspends: true), until: .after(.milliseconds(300)))
                }
                #expect(error == .timedOut)
                try await eventually { exists("\(folder)/cancelled") || !exists("\(folder)/started") }
                #expect(try await pool.run(Square(value: 6)) == 36)
            }
        }
    }

    @Test func scopeEndsWorkersThatAreBusy() async throws {
        var options = WorkerPoolOptions.helper
        options.shutdownGrace = .milliseconds(100)
        let process = try await withHelperPool(1, options: options) { pool async throws in
            let process = try await pool.run(WorkerProcessID())
            let abandoned = Task { try await pool.run(Burn(milliseconds: 600_000)) }
            try await Task.sleep(for: .milliseconds(50))
            abandoned.cancel()
            _ = await abandoned.result
            return process
        }
        #expect(try await !isAlive(process))
    }

    @Test func scopeFailsTheTasksThatOthersStillWaitFor() async throws {
        let waiting = try await withHelperPool(1) { pool async throws in
            let waiting = Task { await code { try await pool.run(Nap(milliseconds: 600_000)) } }
            try await Task.sleep(for: .milliseconds(100))
            return waiting
        }
        #expect(await waiting.value == .closed)
    }

    @Test func whatATaskStartedGoesWithItsWorker() async throws {
        let child = try await withHelperPool(1) { pool async throws in
            let child = try await pool.run(StartChild())
            #expect(try await isAlive(child))
            return child
        }
        try await eventually { try await !isAlive(child) }
    }

    @Test func workersDieWithTheirParent() async throws {
        let parent = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["pool-and-stay"], options: .init(standardOutput: .pipe))
        var lines = try parent.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        let workers = try #require(line).split(separator: " ").compactMap { Int32($0) }
        #expect(workers.count == 2)
        for worker in workers { #expect(try await isAlive(worker)) }
        try parent.send(.kill)
        try await parent.exitStatus()
        for worker in workers { try await eventually { try await !isAlive(worker) } }
    }

    @Test func poolsLeaveNothingBehind() async throws {
        let output = try await Command(
            .path(helperPath), arguments: ["pool-churn", "24"],
            options: .init(environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"]))
        ).output(until: .after(.seconds(110)))
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }
}
