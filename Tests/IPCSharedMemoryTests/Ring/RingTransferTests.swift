import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// Ends of rings that are given away: what they know goes with them.
@Suite(.watched) struct RingTransferTests {
    @Test func whoHasFinishedStaysFinished() async throws {
        let (near, far) = try RingChannel.makePair()
        try await near.send([1])
        try await near.finish()
        let moved = try RingChannel.receive(near.transfer())
        let refused = await code { try await moved.send([2], until: .after(.seconds(60))) }
        #expect(refused == .finished)
        try await far.send([3])
        let received = try await moved.receive(until: .after(.seconds(60)))
        #expect(received == [3])
        #expect(try far.tryReceive() == .message([1]))
        let end = try await far.receive(until: .after(.seconds(60)))
        #expect(end == nil)
    }

    @Test func whoHasHeardTheEndHearsItAgain() async throws {
        let (near, far) = try RingChannel.makePair()
        try await near.finish()
        let end = try await far.receive(until: .after(.seconds(60)))
        #expect(end == nil)
        let moved = try RingChannel.receive(far.transfer())
        for _ in 0..<2 {
            let again = try await moved.receive(until: .after(.seconds(60)))
            #expect(again == nil)
        }
        try await moved.send([5])
        let received = try await near.receive(until: .after(.seconds(60)))
        #expect(received == [5])
    }

    @Test func anEndThatComesAfterTheTransferIsHeard() async throws {
        let (near, far) = try RingChannel.makePair()
        try await near.send([1])
        let moved = try RingChannel.receive(far.transfer())
        try await near.finish()
        #expect(try moved.tryReceive() == .message([1]))
        let end = try await moved.receive(until: .after(.seconds(60)))
        #expect(end == nil)
    }

    @Test func trustIsNotGivenAway() async throws {
        let (near, far) = try RingChannel.makePair()
        #expect(near.trust == .trusted && far.trust == .trusted)
        let moved = try RingChannel.receive(far.transfer())
        #expect(moved.trust == .untrusted)
        moved.trust = .trusted
        #expect(moved.trust == .trusted)
        moved.trust = .untrusted
        // One side waits asleep, the other one rings by what its trust lets it: the socket, then the eventfd.
        for trust in [RingTrust.untrusted, .trusted] {
            moved.trust = trust
            let waiting = Task { try await near.receive(until: .after(.seconds(60))) }
            try await Task.sleep(for: .milliseconds(20))
            try await moved.send([9])
            let received = try await waiting.value
            #expect(received == [9])
        }
        let again = try RingChannel.receive(moved.transfer(), options: RingOptions(trust: .trusted))
        #expect(again.trust == .trusted)
    }

    @Test func roomThatWasKeptBackIsGivenBack() async throws {
        let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: 4096))
        var sent = 0
        while try near.trySend([UInt8](repeating: UInt8(sent), count: 448)) { sent += 1 }
        #expect(try far.tryReceive() == .message([UInt8](repeating: 0, count: 448)))
        let before = try near.trySend([UInt8](repeating: 0, count: 448))
        #expect(!before)  // less than an eighth, and more is there to read
        let moved = try RingChannel.receive(far.transfer())
        let after = try near.trySend([UInt8](repeating: UInt8(sent), count: 448))
        #expect(after)
        for index in 1...sent {
            #expect(try moved.tryReceive() == .message([UInt8](repeating: UInt8(index), count: 448)))
        }
        #expect(try moved.tryReceive() == .empty)
    }

    @Test func anEndInUseIsNotGivenAway() async throws {
        let (near, far) = try RingChannel.makePair()
        let loan = try await near.loan(byteCount: 3)
        let refused = await code { _ = try near.transfer() }
        #expect(refused == .invalidArgument)
        loan.abort()
        // It waits when this comes back.
        let waiting = Task.immediate { try await far.receive(until: .after(.seconds(60))) }
        let busy = await code { _ = try far.transfer() }
        #expect(busy == .invalidArgument)
        try await near.send([1])
        let received = try await waiting.value
        #expect(received == [1])
    }

    /// It would take the wake-up with it that the call owes the peer, if the process ended now.
    @Test func anEndThatIsAboutToRingIsNotGivenAway() async throws {
        let output = try await Command(.path(helperPath), arguments: ["ring-give-within-call"]).output()
        #expect(output.text == "invalidArgument\n")
        #expect(output.status == .signaled(.kill, coreDumped: false))
    }

    /// Calls that have returned are in nobody's way: ends go from hand to hand under load.
    @Test func endsAreGivenAwayBetweenCalls() async throws {
        let (first, far) = try RingChannel.makePair(options: RingOptions(spin: .never))
        let rounds = 2000
        let echo = Task {
            for _ in 0..<rounds {
                guard let message = try await far.receive(until: .after(.seconds(60))) else { return }
                try await far.send(message, until: .after(.seconds(60)))
            }
        }
        var near = first
        for round in 0..<rounds {
            let message = [UInt8(truncatingIfNeeded: round)]
            try await near.send(message)
            if round % 3 == 0 { near = try RingChannel.receive(near.transfer()) }
            let answer = try await near.receive(until: .after(.seconds(60)))
            #expect(answer == message)
            if round % 5 == 0 { near = try RingChannel.receive(near.transfer()) }
        }
        try await echo.value
    }
}
