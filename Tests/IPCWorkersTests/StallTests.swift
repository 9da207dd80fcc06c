import TestSupport
import Testing

@testable import IPCWorkers

/// When a worker that does not begin its tasks is given up, without a process.
@Suite(.watched) struct StallTests {
    private func sight(_ waiting: UInt64, running: Bool = false, incarnation: Int = 0) -> StallWatch.Sight {
        StallWatch.Sight(incarnation: incarnation, waiting: waiting, isRunning: running)
    }

    /// - Returns: the look at which it is given up, from 1; nil if it is not in 20.
    private func end(_ sight: (Int) -> StallWatch.Sight?, _ state: (Int) -> ProcessState) -> Int? {
        var watch = StallWatch()
        return (1...20).first { look in watch.isStuck(0, sight(look)) { state(look) } }
    }

    @Test func whoIsStoppedIsGivenUpSoon() {
        #expect(end({ _ in self.sight(7) }, { _ in .stopped }) == 2)
        #expect(end({ _ in self.sight(7, running: true) }, { _ in .stopped }) == 2)
        #expect(end({ _ in self.sight(7, running: true) }, { $0 == 4 ? .other : .stopped }) == 2)
        // In a row.
        #expect(end({ _ in self.sight(7, running: true) }, { $0 % 2 == 0 ? .other : .stopped }) == nil)
    }

    @Test func whoDoesNothingIsGivenUpLater() {
        #expect(end({ _ in self.sight(7) }, { _ in .other }) == StallWatch.idleLooks)
        // What it runs may take as long as it likes.
        #expect(end({ _ in self.sight(7, running: true) }, { _ in .other }) == nil)
        #expect(end({ _ in self.sight(7) }, { _ in .traced }) == nil)
    }

    @Test func whoGoesOnIsNotGivenUp() {
        #expect(end({ self.sight(UInt64($0)) }, { _ in .stopped }) == nil)
        #expect(end({ $0 % 2 == 0 ? nil : self.sight(7) }, { _ in .stopped }) == nil)
        #expect(end({ self.sight(7, incarnation: $0) }, { _ in .stopped }) == nil)
        #expect(end({ _ in nil }, { _ in .stopped }) == nil)
    }

    @Test func looksAreApart() {
        var watch = StallWatch()
        let instants = [5, 6, 5 + StallWatch.period, 6 + StallWatch.period]
        #expect(instants.map { watch.mayLook(at: $0) } == [true, false, true, false])
        #expect(watch.nextLook == 5 + 2 * StallWatch.period)
    }

    @Test func oldestTaskThatIsNotBegun() {
        var pool = Dispatcher<String>(lanes: 1)
        var step = Dispatcher<String>.Step()
        let type = pool.number(ofType: "Work")
        pool.workerReady(0, serves: ["Work"], at: 0, into: &step)
        #expect(pool.oldestUnbegun(0, running: nil) == nil)
        pool.wakesWatchAtNextTask = true
        let tasks = ["a", "b"].map { Dispatcher.Submission(owner: $0, type: type, bytes: TaskBytes([1])) }
        var next = Dispatcher<String>.Step()
        pool.submit(tasks, at: 1, into: &next)
        #expect(next.wakesWatch && !pool.wakesWatchAtNextTask)
        #expect(pool.oldestUnbegun(0, running: nil) == 1)
        #expect(pool.oldestUnbegun(0, running: 1) == 2)
        #expect(pool.oldestUnbegun(0, running: 2) == 1)
    }

    @Test func stateOfAProcess() async throws {
        let child = try await ChildProcess.spawn("sleep", arguments: ["600"])
        #expect(ProcessState.of(child.processID) == .other)
        try child.send(.stop)
        try await eventually { ProcessState.of(child.processID) == .stopped }
        try await child.kill()
    }
}
