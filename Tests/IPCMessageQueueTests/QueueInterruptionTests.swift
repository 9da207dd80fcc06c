import TestSupport
import Testing

/// The short form of .ci/long.d/queue-interruptions.
@Suite(.watched) struct QueueInterruptionTests {
    @Test(arguments: ["posix", "sysv", "shared"])
    func interruptedReceivesLoseNothing(_ kind: String) async throws {
        let text = try await expectScenario("queue-interruptions", kind, "1000", "5")
        #expect(text.contains("1000 interrupted"), "\(text)")
    }
}
