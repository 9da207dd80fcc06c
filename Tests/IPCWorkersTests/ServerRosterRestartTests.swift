import Testing

@testable import IPCWorkers

/// Rolling restarts while places wait because of what died there.
extension ServerRosterTests {
    /// Who waits because of what died before it begins with the restart, as what is to come.
    @Test mutating func restartWaitsForNoBackoff() {
        fill()
        _ = roster.died(1, crash, at: now)
        #expect(starts(roster.died(3, crash, at: now)).map(\.delay) == [.milliseconds(10)])
        #expect(roster.isWaiting(4))
        let (version, steps) = roster.roll()
        #expect(!roster.isWaiting(4) && roster.members[4]?.version == version)
        // It is no successor, so the other place is begun beside it.
        #expect(starts(steps).map(\.place) == [1])
        #expect(roster.begin(4) == true)
        _ = roster.ready(4, at: now)
        #expect(leaves(roster.ready(5, at: now)) == [2])
        _ = roster.left(2, telling: nil)
        #expect(roster.hasRolled(to: version))
    }

    @Test mutating func successorThatWaitsBeginsWithTheRestart() {
        fill()
        _ = roster.replace(2, at: now)
        #expect(starts(roster.died(3, crash, at: now)).map(\.delay) == [.milliseconds(10)])
        let (version, _) = roster.roll()
        #expect(!roster.isWaiting(4))
        // It was begun with this restart, and what it dies of is what the restart fails with. Then it waits again.
        #expect(starts(roster.died(4, crash, at: now)).map(\.delay) == [.milliseconds(20)])
        #expect(roster.lastFailedRoll?.version == version)
    }

    /// A place whose processes die before they serve holds up no other.
    @Test mutating func placeThatWaitsHoldsUpNoOther() {
        #expect(starts(roster.open()).map(\.id) == [1, 2])
        _ = roster.ready(2, at: now)
        let (version, steps) = roster.roll()
        #expect(starts(steps).map(\.place) == [0])
        let id = starts(steps)[0].id
        _ = roster.died(id, crash, at: now)
        let next = starts(roster.died(id + 1, crash, at: now))
        #expect(next.map(\.place).contains(1))
        #expect(roster.lastFailedRoll == nil && !roster.hasRolled(to: version))
    }

    /// Each process of this program wants to be replaced before it is ready: the restart goes on at the other place.
    @Test mutating func whoAsksAgainAndAgainHoldsUpNoRestart() throws {
        fill()
        let (version, steps) = roster.roll()
        var id = starts(steps)[0].id
        var places: [Int] = []
        for _ in 0..<2 {
            _ = roster.replace(id, at: now)
            let next = starts(roster.ready(id, at: now))
            places += next.map(\.place)
            id = try #require(next.first { $0.place == 0 }).id
        }
        #expect(places == [0, 0, 1])
        #expect(!roster.hasRolled(to: version))
    }

    /// A successor that was begun before the restart, and dies of what was there then, says nothing of the new version.
    @Test mutating func deathOfOneThatWasBegunBeforeEndsNoRestart() {
        fill()
        let id = starts(roster.replace(2, at: now))[0].id
        #expect(roster.begin(id) == true)
        let (version, steps) = roster.roll()
        #expect(starts(steps).isEmpty)
        let next = starts(roster.died(id, crash, at: now))
        #expect(roster.lastFailedRoll == nil)
        #expect(next.map(\.place) == [0])
        #expect(roster.members[next[0].id]?.version == version)
    }
}
