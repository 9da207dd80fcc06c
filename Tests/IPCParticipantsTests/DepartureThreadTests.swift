import IPCCore
import IPCParticipants
import IPCSystem
import TestSupport
import Testing

/// What a task waits for that wants the lock of somebody who is dead.
@Suite(.watched) struct DepartureThreadTests {
    /// A flush to a slow disk, say, keeps nobody from the lock of a dead owner.
    @Test func aSlowFileDelaysNobody() async throws {
        try await withFolder { folder in
            let region = try TestRegion("\(folder)/region", slotCount: 8)
            let participant = try await region.attach()
            let gate = FutexWord()
            let slow = Task {
                try await FileThread.shared.run("test") { () -> Result<Void, IPCError> in
                    while gate.value == 0 { gate.wait(while: 0) }
                    return .success(())
                }
            }
            @Sendable func open() {
                gate.store(1)
                gate.wake()
            }
            // So that this test ends, too, if it fails.
            let opener = Task {
                try await Task.sleep(for: .seconds(150))
                open()
            }
            for slot in 2..<8 {
                let owner = region.bury(slot, generation: 7)
                try #require(participant.departure(of: owner) == .unknown)
                async let other: Void = participant.waitUntilGone(owner, until: .after(.seconds(60)), "test")
                try await participant.waitUntilGone(owner, until: .after(.seconds(60)), "test")
                try await other
                #expect(participant.departure(of: owner) == .gone)
            }
            #expect(gate.value == 0)
            opener.cancel()
            open()
            try await slow.value
            try await participant.detachAndWait(until: .after(.seconds(60)))
        }
    }
}
