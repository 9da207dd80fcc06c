public import IPCCore

/// Runs `body` until it ends by itself or one of `signals` asks for the end: then `body` is cancelled and has `grace` to
/// finish what it does.
///
/// ```swift
/// try await withGracefulShutdown(on: .terminate, .interrupt, grace: .seconds(10)) {
///     try await server.run()
/// }
/// ```
///
/// A second signal hurries: nobody waits any longer. (The same one within 100 ms does not: a terminal signals the whole
/// group, and a parent may pass its own on.) When the time is over the task of `body` is left behind, cancelled, and
/// this function throws; a program then mostly exits. Cancelling the caller cancels `body` and waits for it, as a child task
/// would.
///
/// - Parameters:
///   - signals: which ask for the end; SIGTERM and SIGINT when none is named.
///   - grace: how long `body` may take after the first signal.
///   - body: the work, which should end soon when its task is cancelled.
/// - Returns: what `body` returned; nil when a signal ended it, which is when it threw a cancellation after one.
/// - Throws: `IPCError` `.timedOut` when `body` had not ended after the grace, or when a second signal came; as
///   `Signals.with(_:buffering:chaining:body:)` does; or what `body` throws.
@discardableResult
public func withGracefulShutdown<Result: Sendable>(
    on signals: Signal..., grace: Duration = .seconds(10), body: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
    try await withGracefulShutdown(
        on: signals.isEmpty ? [.terminate, .interrupt] : Set(signals), grace: grace, body: body)
}

/// The same for a set of signals, of which there is at least one.
@discardableResult
public func withGracefulShutdown<Result: Sendable>(
    on signals: Set<Signal>, grace: Duration = .seconds(10), body: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
    try await Signals.with(signals) { events in
        let work = Task { try await body() }
        // Not the caller's task: when that is cancelled, signals still count.
        let supervision = Task { try await supervise(work, events, grace) }
        // The end of the work is the end of the events.
        Task {
            _ = await work.result
            events.inbox.close()
        }
        return try await withTaskCancellationHandler {
            try await supervision.value
        } onCancel: {
            work.cancel()
        }
    }
}

private func supervise<Result: Sendable>(
    _ work: Task<Result, any Error>, _ events: SignalEvents, _ grace: Duration
) async throws -> Result? {
    guard let first = try await events.next() else { return try await work.value }
    work.cancel()
    let end = Deadline.after(grace)
    let calm = Deadline.after(.milliseconds(100))
    do throws(IPCError) {
        while let second = try await events.next(until: end) {
            if second.signal == first.signal, !calm.hasPassed { continue }
            throw IPCError(
                .timedOut, "shut down: the work had not ended when a second signal came, \(second.signal)",
                object: first.signal.name)
        }
    } catch {
        guard error.code == .timedOut, error.object == nil else { throw error }
        throw IPCError(
            .timedOut, "shut down: the work had not ended \(grace) after the signal", object: first.signal.name)
    }
    do {
        return try await work.value
    } catch is CancellationError {
        return nil
    } catch let error as IPCError where error.isCancellation {
        return nil
    }
}
