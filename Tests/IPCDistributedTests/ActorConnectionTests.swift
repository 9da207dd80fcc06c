import CallsShared
import Distributed
import IPCDistributed
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Which connection leads to which system, when there are several, or a peer says that it is another one.
@Suite(.watched) struct ActorConnectionTests {
    /// The two ends of a connection between two systems.
    private static func link(
        _ here: IPCActorSystem, _ there: IPCActorSystem
    ) async throws -> (here: CallConnection, there: CallConnection) {
        let (mine, theirs) = try SocketChannel.makePair()
        let connections = (here: try here.makeConnection(mine), there: try there.makeConnection(theirs))
        async let other = there.join(connections.there)
        #expect(try await here.join(connections.here) == there.id)
        #expect(try await other == here.id)
        return connections
    }

    /// Closes a connection, and returns when both sides know.
    private static func end(_ connections: (here: CallConnection, there: CallConnection)) async {
        connections.here.close()
        try? await connections.here.waitUntilEnd()
        try? await connections.there.waitUntilEnd()
    }

    @Test(arguments: [true, false]) func systemIsLostWithItsLastConnection(newerEndsFirst: Bool) async throws {
        let (here, there) = (IPCActorSystem(), IPCActorSystem())
        let events = there.events
        let links = [try await Self.link(here, there), try await Self.link(here, there)]
        #expect(here.peers == [there.id] && there.peers == [here.id])
        let (office, visitor) = (Office(actorSystem: there), Visitor(actorSystem: here))
        let remoteOffice = try Office.resolve(id: office.id, using: here)
        let remoteVisitor = try Visitor.resolve(id: visitor.id, using: there)
        #expect(try await remoteOffice.introduce(visitor) == "visitor greets the office")
        await Self.end(links[newerEndsFirst ? 1 : 0])
        // Over the one that is left, both ways.
        #expect(try await remoteOffice.introduce(visitor) == "visitor greets the office")
        #expect(try await remoteVisitor.count == 2)
        #expect(there.peers == [here.id])
        await Self.end(links[newerEndsFirst ? 0 : 1])
        var seen: [String] = []
        for await event in events {
            switch event {
            case .connected(let system): seen.append(system == here.id ? "connected" : "a stranger")
            case .lost(let system, _): seen.append(system == here.id ? "lost" : "a stranger is lost")
            }
            if seen.last == "lost" { break }
        }
        #expect(seen == ["connected", "lost"])
        #expect(there.peers.isEmpty)
        #expect(await ActorTests.callError { _ = try await remoteVisitor.count }?.error.code == .unreachable)
    }

    /// Somebody who has seen a reference to another system's actor says that it is that system.
    @Test func nobodyTakesTheCallsOfASystemThatIsConnected() async throws {
        let (here, there, third) = (IPCActorSystem(), IPCActorSystem(), IPCActorSystem())
        _ = try await Self.link(here, there)
        let visitor = Visitor(actorSystem: here)
        let remote = try Visitor.resolve(id: visitor.id, using: there)
        #expect(try await remote.greet("a") == "visitor greets a")
        let events = there.events

        let (mine, theirs) = try SocketChannel.makePair()
        var options = MultiplexerOptions()
        options.greeting = try BinaryCodec.encode(ActorGreeting(system: here.id))
        let thief = CallMultiplexer(over: mine, options: options) { _ in try BinaryCodec.encode("stolen") }
        async let reading: Void? = try? thief.run()
        let stolen = try there.makeConnection(theirs)
        try await there.join(stolen)
        // A call of the thief's is served, and changes nothing either.
        let office = Office(actorSystem: there)
        _ = try await thief.call(2, ActorInvocationEncoder().payload(for: office.id, Stranger.totalOfOffice))
        #expect(try await remote.greet("b") == "visitor greets b")
        thief.close()
        _ = await reading
        try? await stolen.waitUntilEnd()
        #expect(try await remote.greet("c") == "visitor greets c")
        // Nothing of it is told.
        _ = try await Self.link(third, there)
        for await event in events {
            guard case .connected(let system) = event, system == third.id else {
                Issue.record("\(event)")
                break
            }
            break
        }
        #expect(there.peers.contains(here.id))
    }

    @Test func ownIDIsRefused() async throws {
        let system = IPCActorSystem()
        let (mine, theirs) = try SocketChannel.makePair()
        let first = try system.makeConnection(mine)
        async let other = try? system.join(system.makeConnection(theirs))
        do throws(IPCError) {
            try await system.join(first)
            Issue.record("joined")
        } catch {
            #expect(error.code == .handshakeFailed || error.code == .peerClosed || error.code == .closed)
        }
        #expect(await other == nil)
        #expect(system.peers.isEmpty)
    }

    @Test func processesAreToldApartByWhatTheKernelKnows() {
        let own = ProcessFacts.processID
        func peer(_ process: Int32, _ user: UInt32) -> PeerCredentials {
            PeerCredentials(processID: process, userID: user, groupID: 0)
        }
        #expect(IPCActorSystem.mayBeOne(peer(own + 1, 5), peer(own + 1, 5)))
        #expect(!IPCActorSystem.mayBeOne(peer(own + 1, 5), peer(own + 2, 5)))
        #expect(!IPCActorSystem.mayBeOne(peer(own + 1, 5), peer(own + 1, 6)))
        // A pair that was made here, a process of another namespace, TCP, and a channel that knows nothing.
        #expect(IPCActorSystem.mayBeOne(peer(own, 5), peer(own + 2, 5)))
        #expect(IPCActorSystem.mayBeOne(peer(0, 5), peer(own + 2, 5)))
        #expect(IPCActorSystem.mayBeOne(peer(0, .max), peer(own + 2, 5)))
        #expect(IPCActorSystem.mayBeOne(nil, peer(own + 2, 5)))
    }

    /// The hello, a call and the end are here before anybody has looked at the hello.
    @Test func lossOfWhoIsGoneAtOnceIsTold() async throws {
        let system = IPCActorSystem()
        let office = Office(actorSystem: system)
        let (mine, theirs) = try SocketChannel.makePair()
        let peer = ActorSystemID.random()
        let events = system.events
        var options = MultiplexerOptions()
        options.greeting = try BinaryCodec.encode(ActorGreeting(system: peer))
        let client = CallMultiplexer(over: mine, options: options)
        async let reading: Void? = try? client.run()
        let connection = try system.makeConnection(theirs)
        _ = try await client.call(2, ActorInvocationEncoder().payload(for: office.id, Stranger.totalOfOffice))
        #expect(system.peers == [peer])
        client.close()
        _ = await reading
        try? await connection.waitUntilEnd()
        // What it said is known, though it is gone.
        #expect(try await system.join(connection) == peer)
        for await event in events {
            guard case .lost(let lost, _) = event else { continue }
            #expect(lost == peer)
            break
        }
        #expect(system.peers.isEmpty)
    }
}
