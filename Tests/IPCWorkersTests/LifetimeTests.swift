import IPCSystem
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
        ).output(until: .after(.seconds(240)))
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    /// A worker that ignores SIGTERM, and what it has forked: both go, whatever way the scope ends.
    @Test(arguments: ["normally", "by an error", "by cancellation"])
    func deafWorkersGoWithTheirFamilies(_ way: String) async throws {
        final class Found: Sendable {
            let processes = Lock<[Int32]>([])
        }
        let found = Found()
        let scope = Task {
            try await withHelperPool(1) { pool async throws in
                let family = try await pool.run(DeafFamily())
                found.processes.withLock { $0 = family }
                if way == "by an error" { throw PlainFault() }
                if way == "by cancellation" { _ = try await pool.run(Stubborn()) }
            }
        }
        try await eventually { found.processes.withLock { $0.count == 2 } }
        if way == "by cancellation" { scope.cancel() }
        _ = await scope.result
        let family = found.processes.withLock { $0 }
        #expect(try await !isAlive(family[0]))
        // Killed with its group; whoever inherits it takes its status in its own time.
        try await eventually { try await !isAlive(family[1]) }
    }

    /// Children that the program starts by itself are none of the pool's business.
    @Test func childrenOfTheHostAreNotTaken() async throws {
        let output = try await Command(
            .path(helperPath), arguments: ["pool-beside-own-children", "6"],
            options: .init(environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"]))
        ).output(until: .after(.seconds(200)))
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    @Test func sixtyFourWorkers() async throws {
        try await withHelperPool(64) { pool async throws in
            var processes: Set<Int32> = []
            for try await process in pool.map(repeatElement(WorkerProcessID(), count: 500)) {
                processes.insert(process)
            }
            #expect(!processes.isEmpty)
            let sum = try await pool.map((0..<2000).map { Square(value: $0) }, order: .asCompleted).reduce(0, +)
            #expect(sum == 2_664_667_000)
            #expect(pool.workerCount == 64)
        }
    }

    /// Beginning and end of what it wrote are kept, and nothing piles up.
    @Test func taskThatWritesAHundredMebibytesToStandardError() async throws {
        try await withHelperPool(1) { pool async throws in
            #expect(try await pool.run(Complain(bytes: 104_857_000)) == 104_857_000)
            let error = await thrown { try await pool.run(Crash(way: .trap)) } as? IPCError
            #expect(error?.workerCrash?.standardErrorTail.contains("the task trapped on purpose") == true)
            #expect((error?.workerCrash?.standardErrorTail.utf8.count ?? 0) < 16_384)
        }
    }

    /// A kernel that finds groups by their numbers alone: the status of a worker is not taken before.
    @Test func whatWorkersHaveStartedEndsWithThemOnOldKernels() async throws {
        let output = try await Command(.path(helperPath), arguments: ["pool-on-an-old-kernel"]).output()
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }
}
