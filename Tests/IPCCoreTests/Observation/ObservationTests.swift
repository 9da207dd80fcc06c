import IPCCore
import IPCSystem
import TestSupport
import Testing

/// One observer for the process, and other tests have theirs: so each of these has a process of its own.
@Suite(.watched) struct ObservationTests {
    private final class Collector: IPCObserver {
        let seen = Lock<[Int32]>([])

        func observe(_ event: IPCEvent) {
            guard case .workerStarted(let processID) = event, processID < 0 else { return }
            seen.withLock { $0.append(processID) }
        }
    }

    /// Numbers that no worker has.
    private static func emit(_ number: Int32) { IPCObservation.emit(.workerStarted(processID: number)) }

    @Test func nothingIsBuiltWhenNobodyObserves() async {
        await #expect(processExitsWith: .success) {
            IPCObservation.install(nil)
            var wasBuilt = false
            func build() -> IPCEvent {
                wasBuilt = true
                return .log(level: .error, message: "built")
            }
            IPCObservation.emit(build())
            #expect(!wasBuilt)
            IPCObservation.install(Collector())
            IPCObservation.emit(build())
            #expect(wasBuilt)
        }
    }

    @Test func theObserverSeesWhatHappensUntilItIsReplaced() async {
        await #expect(processExitsWith: .success) {
            let first = Collector()
            let second = Collector()
            IPCObservation.install(first)
            ObservationTests.emit(-11)
            #expect(IPCObservation.install(second) as? Collector === first)
            ObservationTests.emit(-12)
            #expect(IPCObservation.install(nil) as? Collector === second)
            ObservationTests.emit(-13)
            #expect(first.seen.withLock { $0 } == [-11])
            #expect(second.seen.withLock { $0 } == [-12])
        }
    }

    /// An observer runs outside of every lock, so it may do what it likes, even this.
    private struct Replacing: IPCObserver {
        let next: Collector

        func observe(_ event: IPCEvent) {
            guard case .workerStarted(-21) = event else { return }
            IPCObservation.install(next)
            IPCObservation.emit(.workerStarted(processID: -22))
        }
    }

    @Test func anObserverMayInstallAnotherOne() async {
        await #expect(processExitsWith: .success) {
            let next = Collector()
            IPCObservation.install(Replacing(next: next))
            ObservationTests.emit(-21)
            #expect(next.seen.withLock { $0 } == [-22])
        }
    }

    @Test func eventsOfManyThreadsAllArrive() async {
        await #expect(processExitsWith: .success) {
            let collector = Collector()
            IPCObservation.install(collector)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<500 { IPCObservation.emit(.workerStarted(processID: -31)) }
                    }
                }
            }
            #expect(collector.seen.withLock { $0.count(where: { $0 == -31 }) } == 4000)
        }
    }

    @Test func logLevelsAreOrdered() {
        #expect(IPCEvent.LogLevel.allCases == IPCEvent.LogLevel.allCases.sorted())
        #expect(IPCEvent.LogLevel.warning < .error)
    }
}
