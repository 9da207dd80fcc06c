import IPCProcess
import IPCSync
import TestSupport
import Testing

/// Taking part in a region that was handed over.
@Suite(.watched) struct TakeTests {
    private func start(_ region: SyncRegion, _ arguments: String...) async throws -> Peer {
        Peer(
            child: try await ChildProcess.spawn(
                .path(helperPath), arguments: ["sync-take-region"] + arguments,
                options: .init(standardOutput: .pipe), transferring: [region]))
    }

    /// Whoever is stopped while he comes holds others up, but not for ever: what a blocking call waits for has an end.
    @Test func whoIsStoppedWhileHeComesHoldsNobodyUpForEver() async throws {
        let region = try await SyncRegion()
        let stopped = try await start(region, "stop")
        #expect(try await stopped.line() == "comes")
        let next = try await start(region)
        let answer = try await next.line()
        #expect(answer == "timedOut")
        #expect(try await next.child.exitStatus(until: .after(.seconds(60))) == .exited(0))
        // He is dead: there is room again.
        try await stopped.kill()
        let last = try await start(region)
        #expect(try await last.line() == "took part")
        #expect(try await last.child.exitStatus(until: .after(.seconds(60))) == .exited(0))
    }
}
