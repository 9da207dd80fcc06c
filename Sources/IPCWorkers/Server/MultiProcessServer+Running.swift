public import IPCSignals

extension MultiProcessServer {
    /// Serves until a signal asks for the end, and then ends gracefully: what the body of a server mostly is.
    ///
    /// - SIGTERM or SIGINT: the workers finish their connections within ``MultiProcessServerOptions/grace`` and leave. A second
    ///   one kills those that are left.
    /// - SIGHUP: ``rollingRestart(until:)``. Whether it went well is told by ``events``.
    ///
    /// Cancelling the task ends the server gracefully, too.
    ///
    /// - Parameters:
    ///   - ending: the signals that ask for the end; none: only cancellation and failure end it.
    ///   - reloading: the signals that ask for a rolling restart.
    /// - Throws: `.restartLimitReached` and the like when the server gives up; `.timedOut` after a second signal; as
    ///   `Signals.with(_:buffering:chaining:body:)` does; `.cancelled`.
    public func run(
        endingOn ending: Set<Signal> = [.terminate, .interrupt], reloadingOn reloading: Set<Signal> = [.hangUp]
    ) async throws {
        guard !reloading.isEmpty else { return try await runUntilEnd(ending) }
        try await Signals.with(reloading) { events in
            let reloader = Task {
                // What becomes of a restart is told as an event.
                for await _ in events { try? await self.rollingRestart() }
            }
            defer { reloader.cancel() }
            try await runUntilEnd(ending)
        }
    }

    private func runUntilEnd(_ ending: Set<Signal>) async throws {
        guard !ending.isEmpty else { return try await serveUntilCancelled() }
        do {
            try await withGracefulShutdown(on: ending, grace: options.grace + .seconds(2)) {
                try await self.serveUntilCancelled()
            }
        } catch let error as IPCError where error.code == .timedOut {
            await shutDown(grace: .zero)
            throw error
        }
    }

    private func serveUntilCancelled() async throws(IPCError) {
        do throws(IPCError) {
            try await waitForFailure()
        } catch {
            if error.isCancellation { await shutDown() }
            throw error
        }
    }
}
