import IPCCore
import TestSupport
import Testing

@Suite(.watched) struct DeadlineTests {
    @Test func neverHasNoRemainingTime() {
        #expect(Deadline.never.remaining == nil)
        #expect(!Deadline.never.hasPassed)
    }

    @Test func negativeAndHugeDurations() {
        #expect(Deadline.after(.seconds(-5)).hasPassed)
        #expect(Deadline.after(.seconds(Int64.max)) == .never)
    }

    @Test func instantsOfBothClocksAreUnderstood() throws {
        let later = Deadline.at(ContinuousClock.now.advanced(by: .seconds(60)))
        let remaining = try #require(later.remaining)
        #expect(remaining > .seconds(50) && remaining <= .seconds(61))
        #expect(Deadline.at(SuspendingClock.now.advanced(by: .seconds(-1))).hasPassed)
    }
}
