import IPCSignals
import TestSupport
import Testing

/// What counts as a second signal, for servers, supervisors and every other program that ends gracefully.
@Suite(.watched) struct EndingSignalsTests {
    @Test func oneAsksAndAnotherHurries() {
        var signals = EndingSignals()
        #expect(signals.take(.terminate) == .asks)
        #expect(signals.take(.interrupt) == .hurries)
        #expect(signals.take(.quit) == .hurries)
        #expect(signals.first == .terminate && signals.second == .interrupt)
    }

    @Test func copyOfOneThatCountsSaysNothing() {
        var signals = EndingSignals()
        #expect(signals.take(.interrupt) == .asks)
        // The calm of its own is short, and a machine may be slow.
        signals.stayCalm(for: .seconds(3600))
        #expect(signals.take(.interrupt) == .repeats)
        #expect(signals.second == nil)
        #expect(signals.take(.terminate) == .hurries)
        // Both count now.
        for signal in [Signal.interrupt, .terminate] { #expect(signals.take(signal) == .repeats) }
        #expect(signals.second == .terminate)
    }

    @Test func sameOneAfterTheCalmHurries() async throws {
        var signals = EndingSignals()
        #expect(signals.take(.interrupt) == .asks)
        try await Task.sleep(for: EndingSignals.calm + .milliseconds(1))
        #expect(signals.take(.interrupt) == .hurries)
        #expect(signals.second == .interrupt)
        signals.stayCalm(for: .seconds(3600))
        #expect(signals.take(.interrupt) == .repeats)
    }
}
