import TestSupport
import Testing

@testable import IPCWorkers

/// What a task or a worker may not exceed.
@Suite(.watched) struct LimitTests {
    @Test func taskThatTakesTooLongIsEndedWithItsWorker() async throws {
        try await withHelperPool(1) { pool async throws in
            let before = try await pool.run(WorkerProcessID())
            let error = await thrown { try await pool.run(Stubborn(milliseconds: 50)) } as? IPCError
            #expect(error?.code == .timedOut)
            #expect(error?.message.contains("time limit") == true)
            #expect(try await pool.run(WorkerProcessID()) != before)
            #expect(try await !isAlive(before))
            let statistics = pool.statistics
            #expect(statistics.kills == 1 && statistics.crashes == 0 && statistics.retried == 0)
        }
    }

    /// The tasks that were on their way behind it are not blamed.
    @Test func onlyTheSlowTaskFails() async throws {
        try await withHelperPool(2) { pool async throws in
            async let slow = code { try await pool.run(Stubborn(milliseconds: 30)) }
            let values = try await pool.map((0..<400).map { Square(value: $0) }).reduce(0, +)
            #expect(values == 21_253_400)
            #expect(await slow == .timedOut)
        }
    }

    /// Its threads cannot end it, so the pool does.
    @Test func stoppedWorkerIsKilled() async throws {
        try await withHelperPool(1) { pool async throws in
            #expect(await code { try await pool.run(StopSelf()) } == .timedOut)
            #expect(try await pool.run(Square(value: 3)) == 9)
        }
    }

    /// A worker that is stopped while it has no task gets some, with a limit and without: others do them.
    @Test(arguments: [1, 2]) func tasksOfAWorkerThatWasStoppedGoToOthers(_ count: Int) async throws {
        try await withHelperPool(count) { pool async throws in
            // It is in order, and its window is wide.
            _ = try await pool.map(repeatElement(Noop(), count: 500)).reduce(0, +)
            let victim = try await pool.run(WorkerProcessID())
            try await stop(victim)
            let limited = (0..<10).map { _ in Task { try await pool.run(LimitedEcho(value: 5)) } }
            let sum = try await pool.map((0..<100).map { Square(value: $0) }).reduce(0, +)
            #expect(sum == 328_350)
            for task in limited { #expect(try await task.value == 5) }
            let statistics = pool.statistics
            #expect(try await !isAlive(victim), "\(statistics)")
            #expect(statistics.kills == 1 && statistics.crashes == 0 && statistics.retried == 0, "\(statistics)")
        }
    }

    /// What a worker has that is stopped under a task without a limit goes to others; the task itself is lost with it.
    @Test func tasksBehindOneThatWasStoppedGoToOthers() async throws {
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(1) { pool async throws in
                // A wide window, so that tasks are sent to the one that is stopped.
                try await eventually {
                    _ = try await pool.map(repeatElement(Noop(), count: 500)).reduce(0, +)
                    return pool.lookAhead >= 8
                }
                let work = StopSelf(milliseconds: nil, marker: "\(folder)/started")
                let stopped = Task { await thrown { try await pool.run(work) } as? IPCError }
                try await eventually { exists("\(folder)/started") }
                let sum = try await pool.map((0..<100).map { Square(value: $0) }).reduce(0, +)
                #expect(sum == 328_350)
                let error = await stopped.value
                #expect(error?.code == .workerCrashed)
                #expect(error?.message.contains("did not begin") == true)
                #expect(pool.statistics.kills == 1 && pool.statistics.crashes == 0)
            }
        }
    }

    @Test(arguments: [true, false]) func taskThatIgnoresItsCancellationIsEnded(_ byDeadline: Bool) async throws {
        var options = WorkerPoolOptions.helper
        options.cancellationGrace = .milliseconds(20)
        try await withTemporaryDirectory { folder async throws in
            try await withHelperPool(1, options: options) { pool async throws in
                let before = try await pool.run(WorkerProcessID())
                let marker = "\(folder)/started"
                // A task whose deadline passes before it has begun has nothing to ignore.
                var kills = 0
                for limit in byDeadline ? [0.4, 4, 40] : [0] where !exists(marker) {
                    kills = pool.statistics.kills
                    let deadline = byDeadline ? Deadline.after(.seconds(limit)) : .never
                    let caller = Task { try await pool.run(Stubborn(marker: marker), until: deadline) }
                    if !byDeadline {
                        try await eventually { exists(marker) }
                        caller.cancel()
                    }
                    let result = await caller.result
                    #expect(throws: IPCError.self) { try result.get() }
                }
                #expect(try await pool.run(WorkerProcessID()) != before)
                #expect(exists(marker) && pool.statistics.kills == kills + 1)
            }
        }
    }

    @Test func taskThatNeedsTooMuchMemoryIsEnded() async throws {
        var options = WorkerPoolOptions.helper
        options.memoryLimit = 200 << 20
        try await withHelperPool(1, options: options) { pool async throws in
            let error = await thrown { try await pool.run(Leak(bytes: 4 << 30)) } as? IPCError
            #expect(error?.code == .resourceExhausted)
            #expect(error?.message.contains("memoryLimit") == true)
            #expect(try await pool.run(Leak(bytes: 1 << 20)) == 1 << 20)
        }
    }

    @Test func kernelsLimitsHold() async throws {
        var options = WorkerPoolOptions.helper
        options.limits = [.addressSpace(3 << 30), .openFiles(77), .coreSize(0)]
        options.niceness = 7
        options.processors = .one(of: [0])
        try await withHelperPool(1, options: options) { pool async throws in
            let figures = try await pool.run(ProcessFigures())
            #expect(figures.niceness == 7 && figures.processors == "0" && figures.openFiles == 77)
            // It runs into the limit, and says so before it dies.
            let error = try #require(await thrown { try await pool.run(Leak(bytes: 8 << 30)) } as? IPCError)
            #expect(error.code == .workerCrashed)
            #expect(error.workerCrash?.standardErrorTail.contains("no memory after") == true)
        }
    }

    @Test func processorThatIsNotThere() async throws {
        var options = WorkerPoolOptions.helper
        options.processors = .any(of: [8000])
        try await withHelperPool(1, options: options) { pool async throws in
            let error = await thrown { try await pool.run(Noop()) } as? IPCError
            #expect(error?.message.contains("8000") == true, "\(String(describing: error))")
        }
    }
}
