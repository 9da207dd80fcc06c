import IPCSystem
import Synchronization
import TestSupport
import Testing

@testable import IPCCore

/// The state of one direction, where what waits for what can be arranged.
@Suite(.watched) struct InProcessStateTests {
    private func waiter() -> InProcessWaiter { InProcessWaiter(WaitEngine.shared.makeWaitPoint()) }

    @Test func whatWaitsForRoomComesBeforeTheEnd() {
        var state = InProcessState(capacity: 1)
        guard case .sent = state.send([0]), case .full = state.send([1]) else {
            Issue.record("room for one message")
            return
        }
        let waiters = [waiter(), waiter()]
        for (index, waiter) in waiters.enumerated() { state.addSender(waiter, [UInt8(index + 1)]) }
        let refusal = state.finish()
        #expect(refusal == nil)
        guard case .failed(.finished) = state.send([9]) else {
            Issue.record("sent after finish")
            return
        }
        var received: [[UInt8]] = []
        while case .received(let message) = state.receive() { received.append(message) }
        #expect(received == [[0], [1], [2]])
        guard case .finished = state.receive() else {
            Issue.record("no end")
            return
        }
        let decided = state.takeDecided()
        #expect(decided.map(ObjectIdentifier.init) == waiters.map(ObjectIdentifier.init))
        #expect(waiters.allSatisfy { if case .sent = $0.outcome.withLock({ $0 }) { true } else { false } })
    }

    @Test func aWaiterLeavesItsLineOnceAtMost() {
        var state = InProcessState(capacity: 0)
        let (first, second) = (waiter(), waiter())
        state.addReceiver(first)
        state.addReceiver(second)
        let (once, twice) = (state.remove(first), state.remove(first))
        #expect(once && !twice)
        guard case .sent = state.send([7]) else {
            Issue.record("nobody to hand it to")
            return
        }
        // It has the message: whoever interrupts it now comes too late.
        let left = state.remove(second)
        #expect(!left)
        guard case .received([7]) = second.outcome.withLock({ $0 }) else {
            Issue.record("handed to the one that left")
            return
        }
    }

    @Test func closingTellsEachSideItsOwnReason() {
        var state = InProcessState(capacity: 0)
        let sender = waiter()
        state.addSender(sender, [1])
        state.closeReceiver()
        guard case .failed(.peerClosed) = sender.outcome.withLock({ $0 }), case .failed(.closed) = state.receive()
        else {
            Issue.record("closed by the receiver")
            return
        }
        #expect(state.sendFailure == .peerClosed)
        state.closeSender()
        #expect(state.sendFailure == .closed)
    }

    @Test func theLineKeepsItsOrderWhileItIsUsed() {
        var line = FirstInFirstOut<Int>()
        var expected: [Int] = []
        var next = 0
        for round in 0..<500 {
            for _ in 0..<(round % 7) {
                line.append(next)
                expected.append(next)
                next += 1
            }
            if round % 5 == 0, let victim = expected.randomElement() {
                let wasThere = line.remove { $0 == victim }
                #expect(wasThere)
                expected.removeAll { $0 == victim }
            }
            for _ in 0..<(round % 6) {
                let first = line.popFirst()
                #expect(first == (expected.isEmpty ? nil : expected.removeFirst()))
            }
            #expect(line.count == expected.count && line.isEmpty == expected.isEmpty)
        }
    }
}
