import TestSupport
import Testing

@testable import IPCWorkers

/// What a worker that does what it may not, or dies at the wrong time, does to the tasks: without a process.
@Suite(.watched) struct DispatcherFaultTests {
    private typealias Pool = Dispatcher<String>

    private func pool(_ tasks: [String], lanes: Int = 1, window: UInt32 = 0) -> Pool {
        var pool = Pool(lanes: lanes)
        var step = Pool.Step()
        let type = pool.number(ofType: "Work")
        for lane in 0..<lanes { pool.workerReady(lane, serves: ["Work"], at: 0, into: &step) }
        let submissions = tasks.map {
            Pool.Submission(owner: $0, type: type, bytes: TaskBytes([1]), window: window)
        }
        pool.submit(submissions, at: 1000, into: &step)
        return pool
    }

    private func assigned(_ pool: Pool, _ lane: Int = 0) -> [Pool.Assignment] {
        var queue = pool.lanes[lane].assigned
        return queue.removeAll()
    }

    private func item(_ id: UInt64, _ number: UInt64) -> Pool.Answer {
        Pool.Answer(id: id, kind: .item(number, TaskBytes([1])))
    }

    @Test func whatIsHandedBackBeforeAnAnswerToNothingIsNotForgotten() throws {
        var pool = pool(["a", "b"])
        var step = Pool.Step()
        let id = assigned(pool)[1].id
        let answers = [
            Pool.Answer(id: id, kind: .declined), Pool.Answer(id: 999, kind: .value(TaskBytes([]))),
        ]
        #expect(throws: IPCError.self) { try pool.answered(0, answers, at: 2000, into: &step) }
        #expect(pool.openCount == 2)
        pool.workerDied(0, running: nil, IPCError(.workerCrashed, "test"), at: 3000, into: &step)
        pool.workerReady(0, serves: ["Work"], at: 4000, into: &step)
        #expect(assigned(pool).map(\.task.owner) == ["a", "b"])
    }

    @Test func itemsBeyondTheCreditAreRefused() throws {
        var pool = pool(["a"], window: 2)
        var step = Pool.Step()
        let id = assigned(pool)[0].id
        try pool.answered(0, [item(id, 0), item(id, 1)], at: 2000, into: &step)
        pool.grant(1, into: &step) { _ in true }
        try pool.answered(0, [item(id, 2)], at: 2000, into: &step)
        #expect(step.news.count == 3)
        #expect(throws: IPCError.self) { try pool.answered(0, [item(id, 3)], at: 2000, into: &step) }
        #expect(step.news.count == 3)
    }

    @Test func itemsOfATaskThatIsNoStreamAreRefused() {
        var pool = pool(["a"])
        var step = Pool.Step()
        let id = assigned(pool)[0].id
        #expect(throws: IPCError.self) { try pool.answered(0, [item(id, 0)], at: 2000, into: &step) }
    }

    /// It was sent before it was found in the journal; since then the task came once more, and was started.
    @Test func handingBackIsNotReplayed() throws {
        var pool = pool(["a"])
        var step = Pool.Step()
        let id = assigned(pool)[0].id
        try pool.answered(0, [Pool.Answer(id: id, kind: .declined)], at: 2000, isReplayed: true, into: &step)
        pool.workerDied(0, running: id, IPCError(.workerCrashed, "test"), at: 3000, into: &step)
        #expect(step.deliveries.map(\.outcome.error?.code) == [.workerCrashed])
        #expect(pool.openCount == 0)
    }

    @Test func outputThatCannotBeReceivedEndsItsTaskAlone() throws {
        var pool = pool(["a", "b"])
        var step = Pool.Step()
        let ids = assigned(pool).map(\.id)
        let error = IPCError(.resourceExhausted, "test")
        try pool.answered(0, [Pool.Answer(id: ids[0], kind: .lost(error))], at: 2000, into: &step)
        #expect(step.deliveries.map(\.owner) == ["a"])
        #expect(step.deliveries.map(\.outcome.error?.code) == [.resourceExhausted])
        #expect(assigned(pool).map(\.task.owner) == ["b"])
    }

    @Test func orderToLeaveNamesTheProcess() {
        var pool = pool([])
        var step = Pool.Step()
        pool.workerDied(0, running: nil, IPCError(.workerCrashed, "test"), at: 1000, into: &step)
        pool.workerReady(0, serves: ["Work"], at: 2000, into: &step)
        #expect(step.lanesToFinish.isEmpty)
        pool.retire(0, .age, into: &step)
        #expect(step.lanesToFinish == [0: 1])
    }

    @Test func endOfThePoolLeavesTheGrace() {
        var pool = pool(["a"])
        var step = Pool.Step()
        let id = assigned(pool)[0].id
        pool.fail(IPCError(.closed, "test"), into: &step)
        pool.giveUpRunning(at: 5000, into: &step)
        #expect(pool.limits(0, grace: 100)[id]?.end == 5100)
    }
}
