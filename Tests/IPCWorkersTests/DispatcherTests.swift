import TestSupport
import Testing

@testable import IPCWorkers

/// The rules of who gets which task, without a process.
@Suite(.watched) struct DispatcherTests {
    private struct Pool {
        var dispatcher: Dispatcher<String>
        var delivered: [String] = []
        var leaving: Set<Int> = []
        var woken: Set<Int> = []
        var items: [UInt8] = []
        var now: UInt64 = 1_000_000_000

        init(_ lanes: Int, ready: Bool = true) {
            dispatcher = Dispatcher(lanes: lanes)
            _ = dispatcher.number(ofType: "Work")
            if ready {
                for lane in 0..<lanes { step { $0.workerReady(lane, serves: ["Other", "Work"], at: 0, into: &$1) } }
            }
        }

        mutating func step(_ body: (inout Dispatcher<String>, inout Dispatcher<String>.Step) throws -> Void) rethrows {
            var step = Dispatcher<String>.Step()
            defer {
                leaving.formUnion(step.lanesToFinish.keys)
                woken.formUnion(step.lanesToWake)
                for (_, news) in step.news { if case .item(let bytes) = news { items += bytes.buffer } }
                for delivery in step.deliveries {
                    switch delivery.outcome {
                    case .value: delivered.append("\(delivery.owner) value")
                    case .failed(let failure): delivered.append("\(delivery.owner) \(failure.error.code)")
                    case .lost(let error): delivered.append("\(delivery.owner) lost \(error.code)")
                    }
                }
            }
            try body(&dispatcher, &step)
        }

        mutating func submit(
            _ names: [String], type: Int = 0, attempts: Int = 1, bytes: Int = 1, priority: WorkerPriority = .normal,
            window: UInt32 = 0
        ) {
            let tasks = names.map {
                Dispatcher<String>.Submission(
                    owner: $0, type: type, bytes: TaskBytes([UInt8](repeating: 0, count: bytes)), attempts: attempts,
                    priority: priority, window: window)
            }
            let now = now
            step { $0.submit(tasks, at: now, into: &$1) }
        }

        /// A worker answers its first task, so much later.
        mutating func answer(_ lane: Int, after nanoseconds: UInt64 = 1000, count: Int = 1) {
            now += nanoseconds
            let now = now
            for _ in 0..<count {
                guard let id = ids(lane).first else { return }
                step {
                    try? $0.answered(lane, [.init(id: id, kind: .value(TaskBytes([])))], at: now, into: &$1)
                }
            }
        }

        func ids(_ lane: Int) -> [UInt64] { assigned(lane).map(\.id) }
        func owners(_ lane: Int) -> [String] { assigned(lane).map(\.task.owner) }

        private func assigned(_ lane: Int) -> [Dispatcher<String>.Assignment] {
            var queue = dispatcher.lanes[lane].assigned
            return queue.removeAll()
        }

        mutating func die(_ lane: Int, running: UInt64?) {
            let now = now
            step {
                $0.workerDied(lane, running: running, IPCError(.workerCrashed, "test"), at: now, into: &$1)
            }
        }
    }

    @Test func tasksWaitUntilAWorkerIsThere() {
        var pool = Pool(1, ready: false)
        pool.submit(["a"])
        #expect(pool.owners(0).isEmpty)
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        #expect(pool.owners(0) == ["a"])
    }

    @Test func tasksSpreadEvenlyAndWaitInOneLine() {
        var pool = Pool(2)
        pool.submit(["a", "b", "c", "d", "e", "f"])
        #expect(pool.owners(0) == ["a", "c"])
        #expect(pool.owners(1) == ["b", "d"])
        pool.answer(1)
        #expect(pool.delivered == ["b value"])
        #expect(pool.owners(1).prefix(2) == ["d", "e"])
    }

    @Test func windowGrowsForShortTasksAndClosesForLongOnes() {
        var pool = Pool(1)
        pool.submit((0..<20_000).map { "\($0)" })
        for _ in 0..<12 { pool.answer(0, after: 1000, count: pool.ids(0).count) }
        #expect(pool.dispatcher.lanes[0].clock.window == ServiceClock.maximumWindow)
        #expect(pool.dispatcher.lookAhead == 2 * ServiceClock.maximumWindow)
        pool.answer(0, after: 50_000_000)
        #expect(pool.dispatcher.lanes[0].clock.window == 1)
    }

    @Test func fewBytesAreOnTheirWayWhenTasksAreLarge() {
        var pool = Pool(1)
        pool.submit(["a", "b"], bytes: 10 << 20)
        #expect(pool.owners(0) == ["a"])
        pool.answer(0)
        #expect(pool.owners(0) == ["b"])
    }

    @Test func onlyTheTaskThatRanIsBlamed() {
        var pool = Pool(2)
        pool.submit(["a", "b", "c", "d"])
        pool.die(0, running: pool.ids(0).first)
        #expect(pool.delivered == ["a lost workerCrashed"])
        pool.answer(1)
        pool.answer(1)
        // What was on its way to the dead worker comes first.
        #expect(pool.owners(1) == ["c"])
    }

    @Test func nobodyIsBlamedForADeathBetweenTasks() {
        var pool = Pool(1)
        pool.submit(["a", "b"])
        let first = pool.ids(0)[0]
        pool.answer(0)
        pool.die(0, running: first)
        #expect(pool.delivered == ["a value"])
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        #expect(pool.owners(0) == ["b"])
    }

    @Test func taskThatMayBeStartedAgainIs() {
        var pool = Pool(1)
        pool.submit(["a"], attempts: 2)
        pool.die(0, running: pool.ids(0).first)
        #expect(pool.delivered.isEmpty)
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        pool.die(0, running: pool.ids(0).first)
        #expect(pool.delivered == ["a lost workerCrashed"])
    }

    @Test func answersInAJournalCountOnceOnly() throws {
        var pool = Pool(1)
        pool.submit(["a", "b"])
        let ids = pool.ids(0)
        pool.answer(0)
        let replayed = ids.map { Dispatcher<String>.Answer(id: $0, kind: .value(TaskBytes([]))) }
        try pool.step { try $0.answered(0, replayed, at: 0, isReplayed: true, into: &$1) }
        #expect(pool.delivered == ["a value", "b value"])
    }

    @Test func answerToWhatWasNotAskedIsRefused() {
        var pool = Pool(1)
        pool.submit(["a"])
        #expect(throws: IPCError.self) {
            try pool.step {
                try $0.answered(0, [.init(id: 99, kind: .value(TaskBytes([])))], at: 0, into: &$1)
            }
        }
        #expect(pool.owners(0) == ["a"])
    }

    @Test func whatIsHandedBackGoesToTheFrontAndNothingIsSentBehindIt() throws {
        var pool = Pool(2)
        pool.submit(["a", "b", "c", "d", "e"])
        let second = pool.ids(0)[1]
        try pool.step { try $0.answered(0, [.init(id: second, kind: .declined)], at: 0, into: &$1) }
        #expect(pool.owners(0) == ["a"])
        pool.answer(1)
        #expect(pool.owners(1).prefix(2) == ["d", "c"])
    }

    @Test func abandonedTasksAreNotDeliveredAndNotStartedAgain() {
        var pool = Pool(1)
        pool.submit(["a", "b", "x", "x"])
        pool.step { $0.abandon(at: 0, into: &$1) { $0 != "b" } }
        #expect(pool.owners(0) == ["a", "b"])
        pool.answer(0)
        pool.answer(0)
        #expect(pool.delivered == ["b value"])
        #expect(pool.owners(0).isEmpty)
        pool.submit(["c"])
        pool.step { $0.abandon(at: 0, into: &$1) { _ in true } }
        pool.die(0, running: nil)
        #expect(pool.dispatcher.waiting.isEmpty)
    }

    @Test func brokenPoolFailsWhatWaitsAndWhatComes() {
        var pool = Pool(1, ready: false)
        pool.submit(["a"])
        pool.step { $0.fail(IPCError(.handshakeFailed, "test"), into: &$1) }
        pool.submit(["b"])
        #expect(pool.delivered == ["a lost handshakeFailed", "b lost handshakeFailed"])
    }

    @Test func typeThatTheWorkerDoesNotServe() {
        var pool = Pool(1)
        let unknown = pool.dispatcher.number(ofType: "Unknown")
        pool.submit(["a"], type: unknown)
        pool.submit(["b"])
        #expect(pool.delivered == ["a lost invalidArgument"])
        #expect(pool.owners(0) == ["b"])
    }

    @Test func closingPoolLetsNobodyWait() {
        var pool = Pool(1)
        pool.submit(["a", "b", "c"])
        pool.step {
            $0.fail(IPCError(.closed, "test"), into: &$1)
            $0.giveUpRunning(at: 0, into: &$1)
        }
        #expect(pool.delivered == ["c lost closed", "a lost closed", "b lost closed"])
        pool.answer(0)
        #expect(pool.delivered.count == 3)
    }

    @Test func messageToAWorkerThatIsGoneIsNotFollowedByAnother() {
        var pool = Pool(1)
        pool.submit(["a"])
        #expect(pool.dispatcher.beginSending(0) != nil)
        pool.die(0, running: nil)
        #expect(pool.dispatcher.didSend(0, 0) == nil)
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        // The next process gets the task, from a sender of its own.
        #expect(pool.dispatcher.beginSending(0) != nil)
    }

    @Test func urgentTasksGoFirst() {
        var pool = Pool(1, ready: false)
        pool.submit(["a", "b"])
        pool.submit(["low"], priority: .low)
        pool.submit(["c", "d"], priority: .high)
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        for _ in 0..<5 { pool.answer(0, after: 50_000_000) }
        #expect(pool.delivered == ["c", "d", "a", "b", "low"].map { "\($0) value" })
    }

    @Test func whatComesBackKeepsItsPriority() {
        var pool = Pool(1)
        pool.submit(["a", "b", "c"])
        pool.submit(["urgent"], priority: .high)
        pool.die(0, running: nil)
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        for _ in 0..<4 { pool.answer(0, after: 50_000_000) }
        #expect(pool.delivered == ["urgent", "a", "b", "c"].map { "\($0) value" })
    }

    @Test func workerThatIsToLeaveGetsNoMoreAndLeavesWhenItHasNone() {
        var pool = Pool(1)
        pool.submit(["a"])
        pool.step { $0.retire(0, .age, into: &$1) }
        pool.submit(["b"])
        #expect(pool.owners(0) == ["a"])
        #expect(pool.leaving.isEmpty)
        pool.answer(0)
        #expect(pool.leaving == [0])
        pool.die(0, running: nil)
        pool.step { $0.workerReady(0, serves: ["Work"], at: 0, into: &$1) }
        #expect(pool.owners(0) == ["b"])
    }

    @Test func sleepingPlacesAreWokenAsFarAsThereIsWork() {
        var pool = Pool(3, ready: false)
        var asleep: [Bool] = []
        for lane in 0..<3 { pool.step { dispatcher, _ in asleep.append(dispatcher.sleep(lane)) } }
        #expect(asleep == [true, true, true])
        pool.submit(["a", "b"])
        #expect(pool.woken == [0, 1])
        pool.step { dispatcher, _ in asleep.append(dispatcher.sleep(0)) }
        #expect(asleep.last == false)
    }

    @Test func itemsCountOnceAndEndTheRetries() throws {
        var pool = Pool(1)
        pool.submit(["a"], attempts: 5, window: 3)
        let id = pool.ids(0)[0]
        let items = [0, 1, 0, 1, 2].map { number in
            Dispatcher<String>.Answer(id: id, kind: .item(number, TaskBytes([UInt8(number)])))
        }
        try pool.step { try $0.answered(0, items, at: 0, into: &$1) }
        #expect(pool.items == [0, 1, 2])
        pool.die(0, running: id)
        #expect(pool.delivered == ["a lost workerCrashed"])
    }

    @Test func limitsOfTasks() {
        #expect(TaskLimit(time: 10).due(startedAt: 5) == 15)
        #expect(TaskLimit(time: 10, end: 7).due(startedAt: 5) == 7)
        #expect(TaskLimit(end: 3).due(startedAt: 5) == 5)
        #expect(TaskLimit(time: .max).due(startedAt: 5) == .max)
    }
}
