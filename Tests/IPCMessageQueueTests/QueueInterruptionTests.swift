import TestSupport
import Testing

/// The short form of .ci/long.d/queue-interruptions.
@Suite(.watched) struct QueueInterruptionTests {
    @Test(arguments: ["posix", "sysv", "shared", "large", "mailbox", "broadcast"])
    func interruptedReceivesLoseNothing(_ kind: String) async throws {
        // Large messages take their time where one processor has both sides, and others.
        let count = kind == "large" ? 100 : 300
        let text = try await expectScenario("queue-interruptions", kind, "\(count)", "5")
        #expect(text.contains("\(count) interrupted"), "\(text)")
    }
}
