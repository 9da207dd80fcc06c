import IPCCore
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Deadlines and ends that come at awkward moments.
@Suite(.watched) struct CallsEndTests {
    @Test func shorterDeadlineHoldsWhenTimersCross() async throws {
        let (mine, theirs) = try SocketChannel.makePair()
        defer { theirs.close() }
        let caller = CallMultiplexer(over: mine)
        async let running: Void? = try? caller.run()
        let far = try caller.state.withLock { state throws(IPCError) in
            try state.begin(method: 1, payload: [], until: .after(.seconds(3600)), window: 0)
        }
        let near = try caller.state.withLock { state throws(IPCError) in
            try state.begin(method: 1, payload: [], until: .after(.milliseconds(50)), window: 0)
        }
        // Two threads began them, and come to the timer in the reverse order.
        caller.perform(near.actions)
        caller.perform(far.actions)
        let event = await Sleeper.sleep { waiter in
            caller.perform(caller.state.withLock { $0.wait(for: near.id, waiter) })
        }
        guard case .failure(let failure) = event else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .timedOut)
        caller.close()
        _ = await running
    }

    @Test func whatCannotBeSentEndsTheConnection() async throws {
        let (mine, theirs) = try SocketChannel.makePair(options: SocketOptions(maximumMessageSize: 4096))
        var options = MultiplexerOptions()
        options.greeting = Array(repeating: 1, count: 8000)
        let caller = CallMultiplexer(over: mine, options: options)
        do throws(IPCError) {
            try await caller.run()
            Issue.record("it ended in order")
        } catch {
            #expect(error.code == .messageTooLarge)
        }
        #expect(caller.isOver)
        theirs.close()
    }
}
