import CallsShared
import Distributed
import IPCDistributed
import TestSupport
import Testing

/// Actors by their names, and who comes and goes.
@Suite(.watched) struct ReceptionistTests {
    @Test func actorsAreFoundByName() async throws {
        let two = try await ActorTests.Two.join()
        let first = Office(actorSystem: two.there)
        try two.there.checkIn(first, as: "first")
        try two.there.checkIn(Safe(actorSystem: two.there), as: "safe")
        #expect(throws: IPCError.self) { try two.there.checkIn(first, as: "first") }
        let found = try await two.here.lookUp(Office.self, named: "first", at: two.there.id)
        #expect(found.id == first.id)
        let none = try #require(
            await ActorTests.callError { _ = try await two.here.lookUp(Office.self, named: "x", at: two.there.id) })
        #expect(none.error.code == .notFound)
        let other = try #require(
            await ActorTests.callError { _ = try await two.here.lookUp(Office.self, named: "safe", at: two.there.id) })
        #expect(other.error.code == .typeMismatch)
        // The names keep their actors: nobody else holds the safe.
        let safe = try await two.here.lookUp(Safe.self, named: "safe", at: two.there.id)
        #expect(try await safe.open() == "secret")
        #expect(try await two.there.lookUp(Office.self, named: "first", at: two.there.id) === first)
        two.here.close()
    }

    @Test func listingTellsOfComingAndGoing() async throws {
        let two = try await ActorTests.Two.join()
        let first = Office(actorSystem: two.there)
        try two.there.checkIn(first, as: "first")
        try two.there.checkIn(Safe(actorSystem: two.there), as: "not an office")
        var iterator = try two.here.listing(of: Office.self, at: two.there.id).makeAsyncIterator()
        guard case .arrived("first", let office)? = try await iterator.next() else {
            Issue.record("the first is not listed")
            return
        }
        #expect(try await office.add(1, 2) == 3)
        try two.there.checkIn(Office(actorSystem: two.there), as: "second")
        guard case .arrived("second", _)? = try await iterator.next() else {
            Issue.record("the second is not listed")
            return
        }
        two.there.checkOut("first")
        guard case .left("first")? = try await iterator.next() else {
            Issue.record("the first has not left")
            return
        }
        two.there.close()
        await #expect(throws: ActorCallError.self) { try await iterator.next() }
    }

    /// A reader that takes nothing for a while costs nothing, and learns how things are then.
    @Test func listingHoldsNoHistory() async throws {
        let two = try await ActorTests.Two.join()
        let first = Office(actorSystem: two.there)
        let second = Office(actorSystem: two.there)
        try two.there.checkIn(first, as: "first")
        try two.there.checkIn(first, as: "other")
        var iterator = try two.here.listing(of: Office.self, at: two.there.id).makeAsyncIterator()
        var here: [String: IPCActorID] = [:]
        func take() async throws {
            switch try await iterator.next() {
            case .arrived(let name, let office)?:
                // One of the same name would have left before.
                #expect(here[name] == nil)
                here[name] = office.id
            case .left(let name)?: #expect(here.removeValue(forKey: name) != nil)
            case nil: Issue.record("the listing has ended")
            }
        }
        while here.count < 2 { try await take() }
        for index in 0..<5_000 {
            try two.there.checkIn(first, as: "guest \(index)")
            two.there.checkOut("guest \(index)")
            two.there.checkOut("first")
            try two.there.checkIn(index.isMultiple(of: 2) ? first : second, as: "first")
        }
        try two.there.checkIn(second, as: "last")
        var changes = 0
        while here["last"] == nil || here["first"] != second.id || here.count > 3, changes < 5_000 {
            try await take()
            changes += 1
        }
        // The window of a listing is 64; more are not on their way, and few are left to tell.
        #expect(changes < 500)
        #expect(here == ["first": second.id, "other": first.id, "last": second.id])
        two.here.close()
    }

    /// Names that come and go on several threads: in the end the listing shows what is there.
    @Test func listingKeepsTheOrderOfChanges() async throws {
        let two = try await ActorTests.Two.join()
        let office = Office(actorSystem: two.there)
        var iterator = try two.here.listing(of: Office.self, at: two.there.id).makeAsyncIterator()
        let there = two.there
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<2_000 {
                        try? there.checkIn(office, as: "x")
                        there.checkOut("x")
                    }
                }
            }
        }
        try two.there.checkIn(office, as: "last")
        var here: Set<String> = []
        while !here.contains("last") {
            switch try await iterator.next() {
            case .arrived(let name, _)?: #expect(here.insert(name).inserted)
            case .left(let name)?: #expect(here.remove(name) != nil)
            case nil: Issue.record("the listing has ended")
            }
        }
        #expect(here == ["last"])
        two.here.close()
    }
}
