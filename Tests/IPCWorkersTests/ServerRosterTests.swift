import TestSupport
import Testing

@testable import IPCWorkers

/// The roster as a value: what it asks for, without processes.
@Suite(.watched) struct ServerRosterTests {
    var roster = ServerRoster(
        target: 2, maximumWorkers: 4, limit: .init(count: 3, in: .seconds(60)),
        backoff: .init(initial: .milliseconds(10), maximum: .seconds(1)))
    let now = ContinuousClock.now

    func starts(_ steps: [ServerRoster.Step]) -> [(id: Int, place: Int, delay: Duration)] {
        steps.compactMap { step in
            if case .start(let id, let place, _, let delay) = step { (id, place, delay) } else { nil }
        }
    }

    func leaves(_ steps: [ServerRoster.Step]) -> [Int] {
        steps.compactMap { if case .leave(let id) = $0 { id } else { nil } }
    }

    var crash: ServerRoster.Death {
        let error = IPCError(.workerCrashed, "on purpose")
        return .init(error: error, event: .workerFailedToStart(place: 0, error: error))
    }

    /// The roster with both places filled by 1 and 2.
    mutating func fill() {
        for start in starts(roster.open()) { _ = roster.ready(start.id, at: now) }
        #expect(roster.isComplete)
    }

    @Test mutating func opensAllPlacesAtOnce() {
        let first = starts(roster.open())
        #expect(first.map(\.place) == [0, 1])
        #expect(!roster.isComplete)
        #expect(roster.ready(1, at: now).count == 1)
        #expect(!roster.isComplete)
        _ = roster.ready(2, at: now)
        #expect(roster.isComplete)
    }

    @Test mutating func rollsOnePlaceAfterAnother() {
        fill()
        let (version, steps) = roster.roll()
        #expect(starts(steps).map(\.place) == [0])
        #expect(leaves(steps).isEmpty)
        // The new one is ready: the old one goes, and the next place is begun.
        let second = roster.ready(3, at: now)
        #expect(leaves(second) == [1])
        #expect(starts(second).map(\.place) == [1])
        #expect(!roster.hasRolled(to: version))
        #expect(leaves(roster.ready(4, at: now)) == [2])
        #expect(!roster.hasRolled(to: version))
        _ = roster.left(1, telling: nil)
        #expect(!roster.hasRolled(to: version))
        _ = roster.left(2, telling: nil)
        #expect(roster.hasRolled(to: version))
    }

    @Test mutating func successorThatDiesReplacesNobody() {
        fill()
        let (version, _) = roster.roll()
        let steps = roster.died(3, crash, at: now)
        #expect(starts(steps).isEmpty && leaves(steps).isEmpty)
        #expect(roster.lastFailedRoll?.version == version)
        #expect(roster.isComplete)
        #expect(roster.crashRestarts == 0)
    }

    @Test mutating func deathWhileItsSuccessorStartsIsNoLoss() {
        fill()
        _ = roster.roll()
        // Place 0 has a successor on its way already: nobody else is started for it.
        #expect(starts(roster.died(1, crash, at: now)).isEmpty)
        #expect(!roster.isComplete)
        // That dies, too: now it is a place without anybody, and is filled.
        // The restart goes on beside it.
        #expect(starts(roster.died(3, crash, at: now)).map(\.place) == [0, 1])
        #expect(roster.lastFailedRoll == nil)
    }

    @Test mutating func waitsLongerAfterEachDeath() {
        fill()
        #expect(starts(roster.died(1, crash, at: now)).map(\.delay) == [.zero])
        #expect(starts(roster.died(3, crash, at: now)).map(\.delay) == [.milliseconds(10)])
        #expect(starts(roster.died(4, crash, at: now)).map(\.delay) == [.milliseconds(20)])
        let last = roster.died(5, crash, at: now)
        #expect(starts(last).isEmpty)
        #expect(leaves(last) == [2])
        #expect(roster.failure?.code == .restartLimitReached)
        _ = roster.left(2, telling: nil)
        #expect(roster.isEmpty)
    }

    @Test mutating func longLifeForgivesEarlierDeaths() {
        fill()
        _ = roster.died(1, crash, at: now)
        _ = roster.ready(3, at: now)
        #expect(starts(roster.died(3, crash, at: now + .seconds(2))).map(\.delay) == [.zero])
    }

    @Test mutating func scalesBothWays() {
        fill()
        #expect(starts(roster.scale(to: 4)).map(\.place) == [2, 3])
        let down = roster.scale(to: 1)
        #expect(leaves(down).sorted() == [2, 3, 4])
        #expect(roster.isComplete)
        // Who is leaving does not come back: its place gets another one.
        #expect(starts(roster.scale(to: 2)).map(\.place) == [1])
    }

    @Test mutating func oneThatWantsToBeReplacedServesUntilThen() {
        fill()
        let steps = roster.replace(2, at: now)
        #expect(starts(steps).map(\.place) == [1])
        #expect(leaves(steps).isEmpty)
        #expect(leaves(roster.ready(3, at: now)) == [2])
    }

    @Test mutating func requestToBeReplacedOutlivesFailedSuccessors() {
        fill()
        #expect(starts(roster.replace(2, at: now)).map(\.delay) == [.zero])
        for (successor, delay) in [(3, 10), (4, 20)] {
            let again = roster.died(successor, crash, at: now)
            #expect(starts(again).map(\.place) == [1])
            #expect(starts(again).map(\.delay) == [.milliseconds(delay)])
            #expect(leaves(again).isEmpty && roster.isComplete)
        }
        #expect(leaves(roster.ready(5, at: now)) == [2])
        // Those were no losses, and nobody has rolled.
        #expect(roster.crashRestarts == 0)
        #expect(roster.lastFailedRoll == nil)
    }

    @Test mutating func requestToBeReplacedOutlivesAFailedRoll() {
        fill()
        let (version, steps) = roster.roll()
        #expect(starts(steps).map(\.place) == [0])
        #expect(starts(roster.replace(2, at: now)).isEmpty)
        let failed = roster.died(3, crash, at: now)
        #expect(roster.lastFailedRoll?.version == version)
        #expect(starts(failed).map(\.place) == [1])
    }

    @Test mutating func requestBeforeItIsReadyCounts() {
        let first = starts(roster.open())
        #expect(starts(roster.replace(first[0].id, at: now)).map(\.place) == [0])
        #expect(leaves(roster.ready(3, at: now)) == [first[0].id])
    }

    /// A program whose every process asks before it is ready has two in a place, not more and more.
    @Test mutating func whoAsksBeforeItIsReadyDoesNotPileUp() {
        fill()
        var (old, next) = (2, starts(roster.replace(2, at: now))[0].id)
        for _ in 0..<20 {
            #expect(starts(roster.replace(next, at: now)).isEmpty)
            let steps = roster.ready(next, at: now)
            #expect(leaves(steps) == [old])
            #expect(starts(steps).map(\.place) == [1])
            _ = roster.left(old, telling: nil)
            (old, next) = (next, starts(steps)[0].id)
        }
    }

    @Test mutating func whoWantsToBeReplacedAtOnceWaitsLongerEachTime() {
        fill()
        var id = 2
        for delay in [0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000] {
            let next = starts(roster.replace(id, at: now))
            #expect(next.map(\.delay) == [.milliseconds(delay)])
            // Asking again changes nothing.
            #expect(starts(roster.replace(id, at: now)).isEmpty)
            #expect(leaves(roster.ready(next[0].id, at: now)) == [id])
            _ = roster.left(id, telling: nil)
            id = next[0].id
        }
        // Who serves well and long is no reason to give up, nor to wait.
        #expect(roster.failure == nil)
        #expect(starts(roster.replace(id, at: now + .seconds(2))).map(\.delay) == [.zero])
    }

    @Test mutating func successorsThatFailAgainAndAgainEndIt() {
        fill()
        _ = roster.replace(2, at: now)
        for successor in 3...5 { #expect(starts(roster.died(successor, crash, at: now)).count == 1) }
        #expect(leaves(roster.died(6, crash, at: now)).sorted() == [1, 2])
        #expect(roster.failure?.code == .restartLimitReached)
    }

    @Test mutating func faultsAgainAndAgainEndIt() {
        fill()
        var id = 2
        for _ in 0..<3 {
            let next = starts(roster.replace(id, fault: crash.error, at: now))
            _ = roster.ready(next[0].id, at: now)
            id = next[0].id
        }
        #expect(roster.failure == nil)
        _ = roster.replace(id, fault: crash.error, at: now)
        #expect(roster.failure?.code == .restartLimitReached)
    }

    @Test mutating func successorOfOneThatIsNotReadyYetWaits() {
        #expect(starts(roster.open()).map(\.id) == [1, 2])
        #expect(starts(roster.roll().steps).map(\.id) == [3])
        #expect(starts(roster.died(3, crash, at: now)).map(\.delay) == [.zero])
        // The other place does not wait with it.
        let steps = starts(roster.died(4, crash, at: now))
        #expect(steps.map(\.delay) == [.milliseconds(10), .zero])
        #expect(steps.map(\.place) == [0, 1])
    }

    @Test mutating func whatComesAfterARollDoesNotUndoIt() {
        fill()
        let (version, _) = roster.roll()
        for id in [3, 4] { _ = roster.ready(id, at: now) }
        for id in [1, 2] { _ = roster.left(id, telling: nil) }
        #expect(roster.hasRolled(to: version))
        _ = roster.replace(4, at: now)
        _ = roster.died(5, crash, at: now)
        _ = roster.died(3, crash, at: now)
        #expect(roster.hasRolled(to: version))
        #expect(roster.lastFailedRoll == nil)
        // Nor does a later one that fails.
        _ = roster.roll()
        _ = roster.died(7, crash, at: now)
        #expect(roster.hasRolled(to: version))
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(100_000_000_000)])
    func hugeDurationsTrapNobody(_ huge: Duration) {
        let backoff = MultiProcessServerOptions.RestartBackoff(initial: huge / 2, maximum: huge)
        #expect(backoff.delay(afterDeaths: 1000) <= huge)
        var options = MultiProcessServerOptions(grace: huge)
        #expect(options.grace < huge)
        options.grace = huge
        #expect(options.grace < huge && options.grace.nanosecondsClamped > 0)
        #expect(huge.nanosecondsClamped == .max)
    }

    @Test mutating func whoCannotBeStartedAtFirstEndsIt() {
        _ = roster.open()
        var death = crash
        death.couldNotRun = true
        _ = roster.died(1, death, at: now)
        #expect(roster.failure?.code == .workerCrashed)
    }

    @Test mutating func closingLetsEverybodyGo() {
        fill()
        _ = roster.roll()
        #expect(leaves(roster.close()) == [1, 2, 3])
        #expect(starts(roster.left(1, telling: nil)).isEmpty)
        #expect(!roster.isEmpty)
        _ = roster.left(2, telling: nil)
        _ = roster.left(3, telling: nil)
        #expect(roster.isEmpty)
    }
}
