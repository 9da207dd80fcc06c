import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

/// A queue that was made and could not be opened leaves no name.
@Suite(.watched) struct QueueNameTests {
    private func leavesNoName(_ open: (SharedMemoryPlace) async -> IPCError?) async throws {
        var (late, left) = (0, 0)
        for _ in 0..<5000 where late < 50 {
            let name = "ipc-test-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
            let place = SharedMemoryPlace.named(name)
            let error = await open(place)
            if let error {
                #expect(error.code == .timedOut)
                late += 1
                if (try? FileCalls.status(at: "/dev/shm/\(name)")) != nil { left += 1 }
            }
            try? SharedQueue.remove(place)
        }
        // Once in a while the deadline comes too late, or a child that is being started has the region open for a moment.
        #expect(late == 50 && left <= late / 2, "\(left) of \(late) names are left")
    }

    @Test func anExpiredDeadlineLeavesNoName() async throws {
        try await leavesNoName { place in
            await failure { _ = try await SharedQueue(at: place, .create, until: .now) }
        }
    }

    @Test func anExpiredDeadlineOfAThreadLeavesNoName() async throws {
        try await leavesNoName { place in
            await failure {
                try await onThread { Result { _ = try SharedQueue(blockingAt: place, .create, until: .now) } }.get()
            }
        }
    }
}
