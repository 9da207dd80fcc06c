import IPCProcess
import IPCSignals
import TestSupport
import Testing

/// The end of a program that is asked to end.
@Suite(.watched) struct ShutdownTests {
    private func run(
        _ mode: String, _ signals: Signal..., scenario: String = "signal-shutdown"
    ) async throws -> [String] {
        try await RunningScenario.with(scenario, mode) { scenario in
            var lines: [String] = []
            for signal in signals {
                try scenario.child.send(signal)
                if let line = try await scenario.line() { lines.append(line) }
            }
            while let line = try await scenario.line() { lines.append(line) }
            #expect(try await scenario.child.exitStatus(until: soon) == .exited(0))
            return lines
        }
    }

    @Test func workThatObeysEnds() async throws {
        #expect(try await run("ends", .terminate) == ["asked", "ended"])
        #expect(try await run("ends", .interrupt) == ["asked", "ended"])
        #expect(try await run("returns", .terminate) == ["asked", "result 6"])
    }

    @Test func workThatIsDoneReturns() async throws {
        #expect(try await run("done") == ["result 5"])
    }

    @Test func workThatDoesNotEndIsGivenUp() async throws {
        let lines = try await run("stuck", .terminate)
        #expect(lines.first == "asked" && lines.count == 2)
        #expect(lines.last?.hasPrefix("timedOut") == true, "\(lines)")
    }

    @Test func aSecondSignalHurries() async throws {
        let lines = try await run("hurries", .terminate, .interrupt)
        #expect(lines.first == "asked" && lines.count == 2)
        #expect(lines.last?.contains("second signal") == true, "\(lines)")
    }

    /// Work that takes the request ends in its own way.
    @Test func workThatIsToldIsNotCancelled() async throws {
        let name = "signal-request"
        #expect(try await run("finishes", .terminate, scenario: name) == ["asked true false", "result 6"])
        #expect(try await run("done", scenario: name) == ["result 5"])
    }

    /// It has its grace; then, or after a second signal, it is cancelled.
    @Test func workThatIsToldAndGoesOnIsCancelled() async throws {
        let name = "signal-request"
        #expect(try await run("slow", .terminate, scenario: name) == ["asked true false", "cancelled", "ended"])
        let hurried = try await run("hurried", .terminate, .interrupt, scenario: name)
        #expect(hurried == ["asked true false", "cancelled", "ended"])
        let stuck = try await run("stuck", .terminate, scenario: name)
        #expect(stuck.prefix(2) == ["asked true false", "cancelled"] && stuck.count == 3)
        #expect(stuck.last?.hasPrefix("timedOut") == true, "\(stuck)")
    }

    /// What a client has asked is answered; cancelled work would have hung up on it.
    @Test func aServerAnswersWhatItHasBegun() async throws {
        try await RunningScenario.with("signal-server", "") { scenario in
            #expect(try await scenario.line() == "asked")
            try scenario.child.send(.terminate)
            #expect(try await scenario.line() == "answer hello")
            #expect(try await scenario.line() == "ended")
            #expect(try await scenario.child.exitStatus(until: soon) == .exited(0))
        }
    }

    /// Cancelling the caller cancels the work and waits for it, without a signal.
    @Test func cancellationReachesTheWork() async throws {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await withGracefulShutdown(on: .user2) {
                do {
                    begin.finish()
                    try await Task.sleep(for: .seconds(3600))
                } catch {
                    return "cancelled"
                }
                return "slept"
            }
        }
        for await _ in begun {}
        task.cancel()
        #expect(try await task.value == "cancelled")
    }

    @Test func errorsOfTheWorkArePassedOn() async {
        let error = await failure {
            try await withGracefulShutdown(on: .user2) { throw IPCError(.busy, "the work's own") }
        }
        #expect(error?.code == .busy)
    }
}
