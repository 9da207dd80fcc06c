import CallsShared
import Distributed
import IPCDistributed
import IPCSystem
import TestSupport
import Testing

/// Distributed actors of two systems in one process, over a socket pair.
@Suite(.watched) struct ActorTests {
    /// Two systems that are joined.
    struct Two {
        let here: IPCActorSystem
        let there: IPCActorSystem

        static func join(
            _ pair: (any ByteChannel, any ByteChannel)? = nil, thrownErrors: Bool = true,
            options: CallOptions = CallOptions()
        ) async throws -> Two {
            let two = Two(
                here: IPCActorSystem(thrownErrors: thrownErrors ? [Refusal.self, Handover.self] : []),
                there: IPCActorSystem(genericTypes: [[Int: String].self, [String].self], options: options))
            let (mine, theirs) = try pair ?? SocketChannel.makePair()
            async let other = two.there.connect(over: theirs)
            let found = try await two.here.connect(over: mine)
            #expect(found == two.there.id)
            #expect(try await other == two.here.id)
            return two
        }

        /// A reference here to an actor that lives there.
        func reference<Act: DistributedActor>(_ actor: Act) throws -> Act
        where Act.ID == IPCActorID, Act.ActorSystem == IPCActorSystem {
            try Act.resolve(id: actor.id, using: here)
        }
    }

    static func failure(_ body: () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    static func callError(_ body: () async throws -> Void) async -> ActorCallError? {
        await failure(body) as? ActorCallError
    }

    @Test(arguments: CallTests.Kind.allCases) func callsReadAsLocalOnes(_ kind: CallTests.Kind) async throws {
        let two = try await Two.join(try await CallTests.makePair(kind))
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        #expect(try await remote.add(2, 3) == 5)
        try await remote.accumulate(7)
        try await remote.accumulate(5)
        #expect(try await remote.total == 12)
        #expect(try await remote.extra("yes") == "yes!")
        // The actor itself has seen it.
        #expect(try await office.total == 12)
        two.here.close()
    }

    @Test func manyCallsInFlight() async throws {
        let two = try await Two.join(options: CallOptions(requestLimit: 8))
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<300 {
                group.addTask { (try? await remote.add(index, 1)) == index + 1 }
                group.addTask { (try? await remote.accumulate(1)) != nil }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(try await remote.total == 300)
        two.here.close()
    }

    @Test func genericMethods() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        #expect(try await remote.twice("x") == ["x", "x"])
        #expect(try await remote.twice([1: "a"]) == [[1: "a"], [1: "a"]])
        let pair = try await remote.pair(3, ["b"])
        #expect(pair.first == 3 && pair.second == ["b"])
        // A type that the other system was not given.
        let unknown = try #require(await Self.callError { _ = try await remote.twice([2.5]) })
        #expect(unknown.error.code == .decodingFailed && unknown.progress == .notStarted)
        // An actor of a generic type is not called from elsewhere: what it is generic over would be the caller's word.
        let shelf = Shelf<String>(actorSystem: two.there)
        #expect(try await shelf.put("book") == 1)
        let remoteShelf = try Shelf<Int>.resolve(id: shelf.id, using: two.here)
        let refused = try #require(await Self.callError { _ = try await remoteShelf.put(7) })
        #expect(refused.error.code == .typeMismatch && refused.progress == .notStarted)
        #expect(try await shelf.all() == ["book"])
        two.here.close()
    }

    @Test func errorsOfMethods() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        #expect(await Self.failure { try await remote.refuse(4) } as? Refusal == Refusal(4))
        #expect(await Self.failure { _ = try await remote.refuseTyped(5) } as? Refusal == Refusal(5))
        let hidden = try #require(await Self.callError { _ = try await remote.failPrivately() })
        #expect(hidden.error.code == .taskFailed && hidden.error.message.contains("a private matter"))
        #expect(hidden.progress == .answered)
        #expect(await Self.callError { try await remote.failAsTheLibrary() }?.error.code == .busy)
        // What an error refers to is known, too.
        let visitor = Visitor(actorSystem: two.here)
        let handover = try #require(await Self.failure { try await remote.handOver(visitor) } as? Handover)
        #expect(handover.visitor === visitor)
        two.here.close()
        // Who does not know the type gets its description.
        let other = try await Two.join(thrownErrors: false)
        let second = Office(actorSystem: other.there)
        let reference = try other.reference(second)
        let error = try #require(await Self.callError { try await reference.refuse(4) })
        #expect(error.error.code == .taskFailed && error.error.message.contains("Refusal"))
        other.here.close()
    }

    @Test func referencesAsArgumentsCallBack() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        let visitor = Visitor(actorSystem: two.here)
        #expect(try await remote.introduce(visitor) == "visitor greets the office")
        let second = Visitor(actorSystem: two.here)
        #expect(try await remote.welcome(Party([visitor, second])) == 3)
        #expect(try await visitor.count == 2)
        two.here.close()
    }

    @Test func referencesAsResults() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        let room = try await remote.openRoom()
        #expect(room.id.system == two.there.id)
        #expect(try await room.greet("me") == "visitor greets me")
        // What comes home is the actor itself.
        #expect(try await remote.this().id == office.id)
        let visitor = Visitor(actorSystem: two.here)
        #expect(try Visitor.resolve(id: visitor.id, using: two.here) === visitor)
        // Nobody holds it any more: its calls say so.
        try await remote.closeRoom()
        let gone = try #require(await Self.callError { _ = try await room.greet("you") })
        #expect(gone.error.code == .notFound && gone.progress == .notStarted)
        two.here.close()
    }

    @Test func idsThatDoNotExistAndOtherTypes() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let nobody = IPCActorID(system: two.there.id, number: 4711)
        let missing = try Office.resolve(id: nobody, using: two.here)
        #expect(await Self.callError { _ = try await missing.add(1, 2) }?.error.code == .notFound)
        // A reference of the wrong type is seen where the actor lives: nothing is called.
        let safe = try Safe.resolve(id: office.id, using: two.here)
        let wrong = try #require(await Self.callError { _ = try await safe.open() })
        #expect(wrong.error.code == .typeMismatch && wrong.progress == .notStarted)
        let annex = try Office.Annex.resolve(id: office.id, using: two.here)
        #expect(await Self.callError { _ = try await annex.look() }?.error.code == .typeMismatch)
        let shelf = try Shelf<Int>.resolve(id: office.id, using: two.here)
        #expect(await Self.callError { _ = try await shelf.all() }?.error.code == .typeMismatch)
        #expect(
            await Self.callError { _ = try Safe.resolve(id: office.id, using: two.there) }?.error.code == .typeMismatch)
        // The right annex is found.
        let real = Office.Annex(actorSystem: two.there)
        #expect(try await two.reference(real).look() == "annex")
        // A system that nobody is connected to.
        let far = try Office.resolve(id: IPCActorID(system: .random(), number: 1), using: two.here)
        let unreachable = try #require(await Self.callError { _ = try await far.add(1, 2) })
        #expect(unreachable.error.code == .unreachable && unreachable.progress == .notStarted)
        two.here.close()
    }

    @Test func deadlinesTravel() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        // Long enough that the actor has been called by then; on a machine that was too slow for that, longer.
        for seconds in [3, 30, 120] where await (try office.waits) == 0 {
            let late = try #require(
                await Self.callError {
                    try await withActorDeadline(.after(.seconds(seconds))) { try await remote.wait() }
                })
            #expect(late.error.code == .timedOut)
            if try await office.waits > 0 { #expect(late.mayHaveBeenDone) }
        }
        while try await remote.cancellations < 1 { try await Task.sleep(for: .milliseconds(3)) }
        two.here.close()
    }

    @Test func cancellationTravels() async throws {
        let two = try await Two.join()
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        let task = Task { await Self.callError { try await remote.wait() } }
        while try await remote.waits < 1 { try await Task.sleep(for: .milliseconds(3)) }
        task.cancel()
        #expect(await task.value?.error.code == .cancelled)
        while try await remote.cancellations < 1 { try await Task.sleep(for: .milliseconds(3)) }
        two.here.close()
    }

    @Test func lossIsToldAndFailsCalls() async throws {
        let two = try await Two.join()
        let events = two.here.events
        let office = Office(actorSystem: two.there)
        let remote = try two.reference(office)
        let waiting = Task { await Self.callError { try await remote.wait() } }
        let watching = Task { await two.here.waitUntilLost(remote) }
        let watchingSystem = Task { await two.here.waitUntilLost(two.there.id) }
        while try await remote.waits < 1 { try await Task.sleep(for: .milliseconds(3)) }
        two.there.close()
        let error = try #require(await waiting.value)
        #expect([.peerClosed, .closed].contains(error.error.code) && error.mayHaveBeenDone)
        #expect(await watching.value?.code == .peerClosed)
        #expect(await watchingSystem.value?.code == .peerClosed)
        // Lost already, and why; never there.
        #expect(await two.here.waitUntilLost(two.there.id)?.code == .peerClosed)
        #expect(await two.here.waitUntilLost(IPCActorSystem().id) == nil)
        for await event in events {
            guard case .lost(let system, _) = event else { continue }
            #expect(system == two.there.id)
            break
        }
        #expect(two.here.peers.isEmpty)
        #expect(await Self.callError { _ = try await remote.add(1, 2) }?.error.code == .unreachable)
    }

    @Test func channelWithoutASystemIsRefused() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let calls = try CallConnection(over: theirs) { addHandlers(&$0, Log()) }
        let system = IPCActorSystem()
        do throws(IPCError) {
            try await system.connect(over: mine)
            Issue.record("joined")
        } catch {
            #expect(error.code == .handshakeFailed)
        }
        _ = try? await calls.waitUntilEnd()
    }

    @Test func connectGivesUp() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        let system = IPCActorSystem()
        do throws(IPCError) {
            try await system.connect(over: mine, until: .after(.milliseconds(50)))
            Issue.record("joined")
        } catch {
            #expect(error.code == .timedOut)
        }
        withExtendedLifetime(theirs) {}
    }
}
