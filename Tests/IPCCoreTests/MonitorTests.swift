import IPCSystem
import Synchronization
import TestSupport
import Testing

@testable import IPCCore

@Suite(.watched) struct MonitorTests {
    /// Two tasks that take a lock from each other, each time with a deadline that is far away.
    @Test func lockWaitsWithFarDeadlinesLeaveNothingBehind() async throws {
        let engine = WaitEngine(workerCount: 2, spins: false)
        let lock = TaskLock()
        let waits = FutexWord()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask(executorPreference: engine.executor) {
                    while waits.value < 2_000 {
                        if !lock.tryAcquire() {
                            _ = waits.add(1)
                            try await lock.acquire(until: .after(.seconds(3600)), "test", engine: engine)
                        }
                        await Task.yield()
                        _ = lock.release()
                    }
                }
            }
            try await group.waitForAll()
        }
        // The time limit of the suite ends this if points stay.
        while engine.timers.count > 0 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(engine.recent.isEmpty)
    }

    @Test func waitsThatEndedLeaveTheListAsFastAsTheyCome() {
        let engine = WaitEngine(workerCount: 1, spins: false)
        let recent = RecentWaits()
        var watched: [(point: WaitPoint, waitCount: UInt)] = []
        var position = 0
        for _ in 0..<200 {
            for _ in 0..<1_000 { _ = recent.list(engine.makeWaitPoint()) }
            recent.takeAll(into: &watched)
            Monitor.review(&watched, from: &position)
        }
        #expect(watched.count <= 33_000)
        var rounds = 0
        while !watched.isEmpty && rounds < 200 {
            Monitor.review(&watched, from: &position)
            rounds += 1
        }
        #expect(watched.isEmpty)
    }

    @Test func waitThatEndedIsDroppedAtTheFirstLookAndListedAgain() {
        let engine = WaitEngine(workerCount: 1, spins: false)
        let recent = RecentWaits()
        let point = engine.makeWaitPoint()
        var watched: [(point: WaitPoint, waitCount: UInt)] = []
        var position = 0
        for _ in 0..<3 {
            #expect(recent.list(point))
            #expect(!recent.list(point))
            recent.takeAll(into: &watched)
            #expect(watched.count == 1)
            Monitor.review(&watched, from: &position)
            #expect(watched.isEmpty)
        }
    }

    /// A job that has run so long that the monitor sleeps makes another one, and goes on.
    @Test func jobBehindALongJobRunsElsewhereAlthoughTheMonitorSleeps() async {
        let engine = WaitEngine(workerCount: 2, spins: false)
        let wasOvertaken = await Task(executorPreference: engine.executor) {
            guard spin(until: { engine.monitor.isAsleep.load(ordering: .relaxed) }) else { return false }
            let other = Progress()
            Task(executorPreference: engine.executor) { other.isDone.store(true, ordering: .releasing) }
            return spin(until: { other.isDone.load(ordering: .acquiring) })
        }.value
        #expect(wasOvertaken)
    }

    /// Two jobs from outside at once, of which the first keeps the worker that was woken for it.
    @Test func jobBehindALongJobFromOutsideRunsElsewhere() async throws {
        let engine = WaitEngine(workerCount: 2, spins: false)
        await Task(executorPreference: engine.executor) {}.value
        while !engine.monitor.isAsleep.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
        let other = Progress()
        let long = Task(executorPreference: engine.executor) {
            spin(until: { other.isDone.load(ordering: .acquiring) })
        }
        Task(executorPreference: engine.executor) { other.isDone.store(true, ordering: .releasing) }
        #expect(await long.value)
    }
}

private final class Progress: Sendable {
    let isDone = Atomic<Bool>(false)
}

/// Computes without suspending until `isOver`; false when that took implausibly long. For threads of an engine's own.
private func spin(until isOver: () -> Bool) -> Bool {
    let limit = Deadline.after(.seconds(60))
    while !isOver() {
        if limit.hasPassed { return false }
    }
    return true
}
