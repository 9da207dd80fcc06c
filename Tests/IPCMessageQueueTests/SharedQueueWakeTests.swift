import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCMessageQueue

/// Who is woken when there is room again.
@Suite(.watched) struct SharedQueueWakeTests {
    enum Way: CaseIterable {
        case received, leased, purged
    }

    /// A message of nine blocks makes room for nine of one block, and so for all four who wait for one.
    @Test(arguments: Way.allCases) func aWideMessageMakesRoomForManyNarrowOnes(_ way: Way) async throws {
        let options = SharedQueueOptions(
            capacity: .bounded(messages: 20, byteCount: 9 * 128), maximumMessageSize: 900, blockSize: 128)
        try await withNamedQueue(options) { queue, name in
            try await queue.send(QueueMessage(payload: [UInt8](repeating: 1, count: 900)), until: soon)
            try await withScenario(["queue-send-narrow", name, "4"]) { child in
                let waiters = queue.core.lines.waiters(in: .senders)
                let end = Deadline.after(.seconds(60))
                while waiters.loadRelaxed() < 4, !end.hasPassed { try await Task.sleep(for: .milliseconds(1)) }
                #expect(waiters.loadRelaxed() >= 4)
                switch way {
                case .received: _ = try await queue.receive(.any, until: soon)
                case .leased: try await queue.withLease(until: soon) { _ in }
                case .purged: #expect(try await queue.purge(until: soon) == 1)
                }
                for _ in 0..<4 { #expect(try await child.standardOutput.readLine(until: soon) == "sent") }
                #expect(try queue.depth == 4)
            }
        }
    }
}
