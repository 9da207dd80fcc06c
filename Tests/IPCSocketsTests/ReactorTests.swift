import TestSupport
import Testing

/// Descriptor numbers and registrations that are used again all the time.
@Suite(.serialized, .watched) struct ReactorTests {
    @Test func nothingComesToAnotherChannel() async throws {
        try await expectScenario("reactor-storm", "20000")
    }
}
