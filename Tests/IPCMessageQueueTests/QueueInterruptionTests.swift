import TestSupport
import Testing

/// The short form of .ci/long.d/queue-interruptions.
@Suite(.watched) struct QueueInterruptionTests {
    @Test(arguments: ["posix", "sysv", "shared", "large", "mailbox", "broadcast"])
    func interruptedReceivesLoseNothing(_ kind: String) async throws {
        let text = try await expectScenario("queue-interruptions", kind, "300", "5")
        #expect(text.contains("300 interrupted"), "\(text)")
    }
}
