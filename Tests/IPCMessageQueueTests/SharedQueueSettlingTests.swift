import TestSupport
import Testing

@testable import IPCMessageQueue

/// The end of what was begun, while somebody else has the lock.
@Suite(.watched) struct SharedQueueSettlingTests {
    private let large = QueueMessage(payload: [UInt8](repeating: 3, count: 6000))

    /// A large message, copied, of a queue whose lock another object has.
    private func withCopied(
        _ body: (_ queue: SharedQueue, QueueCore.Lease, _ unlock: () -> Void) async throws -> Void
    ) async throws {
        try await withSharedQueue { queue, place in
            try await queue.send(large, until: soon)
            let taking = try await queue.core.acquire(until: soon, "receive")
            guard case .large(let lease) = queue.core.take(.any, counts: false, taking, { _, _ in }) else {
                Issue.record("it is not that large")
                return
            }
            #expect(queue.core.contents(lease) == large.payload)
            let other = try await SharedQueue(at: place, .open, until: soon)
            let turn = try await other.core.acquire(until: soon, "hold")
            try await body(queue, lease) { other.core.leave(turn) }
        }
    }

    private func expectUntouched(_ queue: SharedQueue) async throws {
        let found = try await queue.receive(.any, until: soon)
        #expect(found.payload == large.payload && found.label.deliveryCount == 1)
        let status = try await queue.statusOnce { $0.leased == 0 }
        #expect(status.depth == 0 && status.leased == 0 && status.byteCount == 0)
    }

    /// The deadline passes before the message is out of the queue: nothing was taken.
    @Test func aLateReceiverHasTakenNothing() async throws {
        try await withCopied { queue, lease, unlock in
            let late = await failure { try await queue.core.receive(lease, until: .after(.milliseconds(20))) }
            #expect(late?.code == .timedOut)
            unlock()
            try await expectUntouched(queue)
        }
    }

    @Test func aLateThreadHasTakenNothing() async throws {
        try await withCopied { queue, lease, unlock in
            let late = try await onThread { () -> IPCError? in
                do throws(IPCError) {
                    try queue.core.receiveBlocking(lease, until: .after(.milliseconds(20)))
                    return nil
                } catch {
                    return error
                }
            }
            #expect(late?.code == .timedOut)
            unlock()
            try await expectUntouched(queue)
        }
    }

    @Test func whoDoesNotWaitHasTakenNothing() async throws {
        try await withCopied { queue, lease, unlock in
            #expect(try !queue.core.tryReceive(lease))
            unlock()
            try await expectUntouched(queue)
        }
    }

    /// In the child of a fork no task can settle later what must be settled: it is given up without the lock, for the next
    /// one who takes it.
    @Test func whereNoTaskRunsALeaseIsGivenUp() async throws {
        try await withCopied { queue, lease, unlock in
            queue.core.settleLater(lease.place, .untouched, runsTasks: false)
            // Nobody's by now, and once is enough.
            queue.core.settleLater(lease.place, .untouched, runsTasks: false)
            unlock()
            try await expectUntouched(queue)
        }
    }

    @Test func whereNoTaskRunsReservedBlocksAreGivenUp() async throws {
        try await withSharedQueue { queue, place in
            let before = try await queue.status(until: soon)
            let turn = try await queue.core.acquire(until: soon, "send")
            let offer = try unsafe queue.core.offer(
                large.payload.span.bytes, large.label, blocks: queue.shape.blocks(for: 6000), counts: false, turn)
            guard case .reserved(let reserved) = offer else {
                Issue.record("it is not that large")
                return
            }
            let other = try await SharedQueue(at: place, .open, until: soon)
            let holding = try await other.core.acquire(until: soon, "hold")
            queue.core.settleLater(reserved, .withdrawn, runsTasks: false)
            other.core.leave(holding)
            let after = try await queue.status(until: soon)
            #expect(after.unfinished == 0 && after.depth == 0 && after.byteCount == 0)
            #expect(after.freeByteCount == before.freeByteCount)
        }
    }

    /// What is there is received, cancelled or not, and for good.
    @Test func aCancellationComesTooLate() async throws {
        try await withCopied { queue, lease, unlock in
            let receiving = Task { try await queue.core.receive(lease, until: soon) }
            receiving.cancel()
            try await Task.sleep(for: .milliseconds(20))
            unlock()
            try await receiving.value
            let status = try await queue.status(until: soon)
            #expect(status.depth == 0 && status.leased == 0 && status.byteCount == 0)
        }
    }

    /// What was handed over counts, whatever comes then.
    @Test func aBatchThatEndsEarlySaysHowMany() async throws {
        try await withSharedQueue { queue, _ in
            for index in 0..<100 { try await queue.send(QueueMessage("\(index)"), until: soon) }
            var count = 0
            let taken = try await queue.receive(.any, upTo: 100, until: soon) { _, _ in
                count += 1
                if count == 64 { queue.close() }
            }
            #expect(taken == 64 && count == 64)
            #expect(
                await failure { try await queue.receive(.any, upTo: 100, until: soon) { _, _ in } }?.code == .closed)
        }
    }
}
