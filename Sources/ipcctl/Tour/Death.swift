import IPCProcess

/// Kills a second process, and measures how long the first one, which waits for a message, stays without the news.
enum Death {
    /// - Parameters:
    ///   - child: the second process. It is gone afterwards.
    ///   - ready: returns when the second process is where it is to be killed.
    ///   - expected: whether the outcome of the wait is what a death must be: by the contract `.peerClosed`.
    ///   - wait: waits for a message that never comes.
    static func notice<Outcome: Sendable>(
        of child: ChildProcess, ready: () async throws -> Void = {}, wait: @escaping @Sendable () async -> Outcome,
        expected: (Outcome) -> Bool
    ) async throws -> Duration {
        let clock = ContinuousClock()
        let waiting = Task { () -> (Outcome, ContinuousClock.Instant) in (await wait(), clock.now) }
        try await ready()
        // So that it waits by now; if it does not yet, the figure is no worse.
        try await Task.sleep(for: .milliseconds(20))
        let killed = clock.now
        try child.send(.kill)
        let (outcome, noticed) = await waiting.value
        let status = try await child.exitStatus()
        try require(expected(outcome), "the death of the second process was seen as \(outcome)")
        try require(status == .signaled(.kill, coreDumped: false), "the second process \(status)")
        return noticed - killed
    }

    /// The same for a channel of messages: its `receive` must throw `.peerClosed`.
    static func notice(
        of child: ChildProcess, by channel: some ReceiveChannel<[UInt8]>, until deadline: Deadline
    ) async throws -> Duration {
        try await notice(of: child) { () -> Result<[UInt8]?, IPCError> in
            do throws(IPCError) {
                return .success(try await channel.receive(until: deadline))
            } catch {
                return .failure(error)
            }
        } expected: { outcome in
            if case .failure(let error) = outcome { error.code == .peerClosed } else { false }
        }
    }
}

/// Runs `body` with a second process, which is gone when this returns or throws.
func withPeer<Result>(_ child: ChildProcess, _ body: (ChildProcess) async throws -> Result) async throws -> Result {
    do {
        let result = try await body(child)
        _ = try? await child.kill()
        return result
    } catch {
        _ = try? await child.kill()
        throw error
    }
}
