import TestSupport
import Testing

@testable import IPCWorkers

/// Workers that are replaced though they have done nothing wrong, and places that stay empty for a while.
@Suite(.watched) struct RecyclingTests {
    @Test func afterSoManyTasks() async throws {
        var options = WorkerPoolOptions.helper
        options.recycling = WorkerRecycling(tasks: 5)
        try await withHelperPool(2, options: options) { pool async throws in
            var counts: [Int32: Int] = [:]
            for try await process in pool.map(repeatElement(WorkerProcessID(), count: 40)) {
                counts[process, default: 0] += 1
            }
            #expect(counts.values.allSatisfy { $0 <= 5 })
            #expect(counts.values.reduce(0, +) == 40)
            #expect(pool.statistics.crashes == 0 && pool.statistics.recycled >= 6)
        }
    }

    @Test func aProcessForEachTask() async throws {
        var options = WorkerPoolOptions.helper
        options.recycling = WorkerRecycling(tasks: 1)
        try await withHelperPool(2, options: options) { pool async throws in
            var processes: Set<Int32> = []
            for try await process in pool.map(repeatElement(WorkerProcessID(), count: 8)) { processes.insert(process) }
            #expect(processes.count == 8)
        }
    }

    @Test func whenItHasGrown() async throws {
        var options = WorkerPoolOptions.helper
        options.recycling = WorkerRecycling(memory: 200 << 20)
        try await withHelperPool(1, options: options) { pool async throws in
            let before = try await pool.run(WorkerProcessID())
            // It ends well: nobody is killed for what is given back in between.
            #expect(try await pool.run(Leak(bytes: 300 << 20)) == 300 << 20)
            try await eventually { try await pool.run(WorkerProcessID()) != before }
            #expect(pool.statistics.crashes == 0 && pool.statistics.kills == 0)
        }
    }

    @Test func whenItIsOld() async throws {
        var options = WorkerPoolOptions.helper
        options.recycling = WorkerRecycling(age: .milliseconds(100))
        try await withHelperPool(1, options: options) { pool async throws in
            let before = try await pool.run(WorkerProcessID())
            try await eventually { try await pool.run(WorkerProcessID()) != before }
            #expect(pool.statistics.crashes == 0)
        }
    }

    @Test func whenItHasNothingToDo() async throws {
        var options = WorkerPoolOptions.helper
        options.recycling = WorkerRecycling(idle: .milliseconds(50))
        try await withHelperPool(2, options: options) { pool async throws in
            let before = try await pool.run(WorkerProcessID())
            try await eventually { pool.statistics.workers.allSatisfy { $0.state == .asleep } }
            try await eventually { try await !isAlive(before) }
            #expect(pool.statistics.workers.allSatisfy { $0.processID == nil })
            // Work wakes them up again.
            for value in 0..<20 { #expect(try await pool.run(Square(value: value)) == value * value) }
            #expect(pool.statistics.crashes == 0)
        }
    }

    /// Tasks come as workers leave, again and again: none is lost between the two.
    @Test func workComesWhileWorkersLeave() async throws {
        var options = WorkerPoolOptions.helper
        options.recycling = WorkerRecycling(tasks: 7, age: .milliseconds(40), idle: .milliseconds(1))
        try await withHelperPool(2, options: options) { pool async throws in
            for value in 0..<150 {
                #expect(try await pool.run(Square(value: value)) == value * value)
                if value % 3 == 0 { try await Task.sleep(for: .milliseconds(value % 9)) }
            }
            #expect(pool.statistics.crashes == 0 && pool.statistics.recycled > 0)
        }
    }

    @Test func placesStayEmptyForLongerAfterEachDeath() {
        let backoff = WorkerPoolOptions.RestartBackoff(initial: .milliseconds(10), maximum: .milliseconds(70))
        #expect((0...6).map { backoff.delay(afterDeaths: $0) } == [0, 0, 10, 20, 40, 70, 70].map { .milliseconds($0) })
        #expect(WorkerPoolOptions.RestartBackoff.none.delay(afterDeaths: 9) == .zero)
    }

    @Test func deathsInARowReachTheLimit() async throws {
        var options = WorkerPoolOptions.helper
        options.restartLimit = .init(count: 3, in: .seconds(600))
        options.restartBackoff = .init(initial: .milliseconds(1), maximum: .milliseconds(5))
        try await withHelperPool(1, options: options) { pool async throws in
            // Tried again and again, and each time its worker dies.
            let error = await thrown { try await pool.run(AlwaysCrash()) } as? IPCError
            #expect(error?.code == .restartLimitReached || error?.code == .workerCrashed)
            let next = await thrown { try await pool.run(Noop()) } as? IPCError
            #expect(next?.code == .restartLimitReached)
        }
    }

    @Test func drainedPoolFinishesWhatItHasAndTakesNoMore() async throws {
        try await withHelperPool(1) { pool async throws in
            let tasks = (0..<5).map { value in Task { try await pool.run(Nap(milliseconds: 20, value: value)) } }
            try await eventually { pool.statistics.submitted == 5 }
            try await pool.drain()
            for (value, task) in tasks.enumerated() { #expect(try await task.value == value) }
            #expect(await code { try await pool.run(Noop()) } == .closed)
        }
    }

    @Test func drainingHasADeadline() async throws {
        try await withHelperPool(1) { pool async throws in
            let task = Task { try await pool.run(Nap(milliseconds: 600_000)) }
            try await eventually { pool.statistics.submitted == 1 }
            #expect(await code { try await pool.drain(until: .after(.milliseconds(20))) } == .timedOut)
            task.cancel()
            _ = await task.result
            try await pool.drain()
        }
    }

    @Test func statisticsCount() async throws {
        try await withHelperPool(2) { pool async throws in
            _ = try await pool.map((0..<100).map { Square(value: $0) }).reduce(0, +)
            _ = await code { try await pool.run(Crash(way: .kill)) }
            _ = await code { try await pool.run(ThrowOne(kind: .plain)) }
            let statistics = pool.statistics
            #expect(statistics.submitted == 102 && statistics.finished == 100 && statistics.failed == 2)
            #expect(statistics.waiting == 0 && statistics.assigned == 0 && statistics.crashes == 1)
            try await eventually { pool.statistics.workers.allSatisfy { $0.state == .idle } }
            for worker in pool.statistics.workers {
                #expect(worker.residentBytes > 0 && worker.processID != nil && worker.age > .zero)
            }
        }
    }
}
