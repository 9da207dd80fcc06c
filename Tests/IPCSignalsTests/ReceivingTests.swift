import IPCProcess
import IPCSignals
import IPCSystem
import TestSupport
import Testing

/// Signals that arrive in scopes. Each scenario is a process of its own.
@Suite(.watched) struct ReceivingTests {
    @Test func everyScopeSeesEveryDeliveryAndDispositionsReturn() async throws {
        try await expectScenario("signal-scopes")
    }

    @Test func whatCannotBeReceivedIsRefused() async throws { try await expectScenario("signal-refusals") }

    @Test func aFullPipeIsCountedAndStopsNobody() async throws {
        let counts = try await expectScenario("signal-full-pipe").split { " \n".contains($0) }.compactMap { Int($0) }
        #expect(counts.count == 2 && counts.reduce(0, +) == 40_000, "\(counts)")
    }

    @Test func aFullBufferIsCountedForItsScopeAlone() async throws { try await expectScenario("signal-full-buffer") }

    @Test func handlersOfTheHostAreChainedAndReturn() async throws { try await expectScenario("signal-chain") }

    @Test func aHandlerHookedOverOursIsCalledOnce() async throws { try await expectScenario("signal-hooked") }

    /// Ours takes signals along that wait behind the one that it was called for: not past the handler over it.
    @Test func aHandlerHookedOverOursSeesEachThatWaits() async throws {
        try await expectScenario("signal-hooked-queue")
    }

    /// Nobody receives the signal, and the library's handler is there again: it must not swallow it.
    @Test(arguments: ["signal-put-back", "signal-put-back-used"])
    func aHandlerThatIsPutBackSwallowsNothing(_ scenario: String) async throws {
        let output = try await Command(.path(helperPath), arguments: [scenario]).output(until: .after(.seconds(120)))
        #expect(output.status == .signaled(.terminate, coreDumped: false), "\(output.status) \(output.errorText)")
    }

    @Test func aForkedChildKeepsItsSignalsToItself() async throws { try await expectScenario("signal-fork") }

    @Test func aHostThatChangesADispositionKeepsIt() async throws { try await expectScenario("signal-changed") }

    @Test func childrenAreTold() async throws { try await expectScenario("signal-children") }

    @Test func execForgetsTheHandlers() async throws {
        let text = try await expectScenario("signal-exec")
        let masks = text.split(separator: "\n").compactMap { line -> UInt64? in
            line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
        }
        #expect(masks.count == 2, "\(text)")
        for mask in masks {
            // SIGHUP, SIGTERM, and the first real-time signal.
            for number: UInt64 in [1, 15, 34] { #expect(mask & 1 << (number - 1) == 0, "\(text)") }
        }
    }

    /// Sixteen tasks compute on the pool's threads, and the kernel may interrupt any of them.
    @Test func busyThreadsLoseNoSignalAndNobodyDies() async throws {
        let count = 200
        try await RunningScenario.with("signal-busy", "\(count)") { scenario in
            for _ in 0..<count {
                try scenario.child.send(.terminate)
                let answer = try await scenario.line()
                try #require(answer == "got")
            }
            let status = try await scenario.child.exitStatus(until: soon)
            #expect(status == .exited(0))
        }
    }

    @Test func aBurstOfStandardSignalsIsMerged() async throws {
        try await RunningScenario.with("signal-watch", "2", "10", "12") { scenario in
            // While it is stopped the kernel keeps one of each.
            try await stop(scenario.child)
            for _ in 0..<50 { try scenario.child.send(.user1) }
            try scenario.child.send(.user2)
            try scenario.child.send(.continue)
            var found: Set<String> = []
            while let line = try await scenario.line() { found.insert(String(line.prefix(7))) }
            #expect(found == ["SIGUSR1", "SIGUSR2"])
        }
    }
}
