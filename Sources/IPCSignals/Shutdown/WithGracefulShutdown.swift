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
/// Cancellation ends at once whatever the work awaits: the requests that a server is answering, too. A body that takes a
/// ``ShutdownRequest`` ends in its own way instead.
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
        return try await supervise(work, events, Grace(length: grace)) { work.cancel() }
    }
}

/// Runs `body` until it ends by itself or one of `signals` asks for the end. It is told, is not cancelled, and has `grace` to
/// end in its own way: a server lets nobody in any more and finishes what it has.
///
/// ```swift
/// try await withGracefulShutdown(on: .terminate, .interrupt, grace: .seconds(10)) { shutdown in
///     try await SocketListener.withListener(at: address) { listener in
///         shutdown.onRequest { await listener.shutDown(until: .after(.seconds(5))) }
///         for try await connection in listener { … }
///     }
/// }
/// ```
///
/// When the grace is over, or a second signal comes, `body` is cancelled and gets one more second. The rest is as in
/// ``withGracefulShutdown(on:grace:body:)-(Signal...,_,()->Result)``.
///
/// - Parameters:
///   - signals: which ask for the end; SIGTERM and SIGINT when none is named.
///   - grace: how long `body` may take after the first signal, before it is cancelled.
///   - body: the work.
/// - Returns: what `body` returned; nil when it threw a cancellation after a signal.
/// - Throws: `IPCError` `.timedOut` when `body` had not ended a second after its cancellation; as
///   `Signals.with(_:buffering:chaining:body:)` does; or what `body` throws.
@discardableResult
public func withGracefulShutdown<Result: Sendable>(
    on signals: Signal..., grace: Duration = .seconds(10),
    body: @escaping @Sendable (_ shutdown: ShutdownRequest) async throws -> Result
) async throws -> Result? {
    try await Signals.with(signals.isEmpty ? [.terminate, .interrupt] : Set(signals)) { events in
        let request = ShutdownRequest()
        let work = Task { try await body(request) }
        defer { request.forget() }
        return try await supervise(work, events, Grace(length: grace, afterCancellation: .seconds(1))) {
            request.make()
        }
    }
}

/// How long the work may take after the first signal; and, where that does not cancel it, after its cancellation.
private struct Grace: Sendable {
    let length: Duration
    var afterCancellation: Duration?
}

/// Waits for the work and for signals; `onFirst` is what the first of them does.
private func supervise<Result: Sendable>(
    _ work: Task<Result, any Error>, _ events: SignalEvents, _ grace: Grace, _ onFirst: @escaping @Sendable () -> Void
) async throws -> Result? {
    // Not the caller's task: when that is cancelled, signals still count.
    let supervision = Task { try await outcome(work, events, grace, onFirst) }
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

private func outcome<Result: Sendable>(
    _ work: Task<Result, any Error>, _ events: SignalEvents, _ grace: Grace, _ onFirst: @Sendable () -> Void
) async throws -> Result? {
    guard let first = try await events.next()?.signal else { return try await work.value }
    var signals = EndingSignals()
    _ = signals.take(first)
    onFirst()
    // Handlers of a cancellation run in it, and may take their time.
    signals.stayCalm(for: EndingSignals.calm)
    var turn = try await nextTurn(of: events, &signals, grace.length)
    let reason = turn
    if turn != .ended, let more = grace.afterCancellation {
        work.cancel()
        signals.stayCalm(for: more)
        turn = try await nextTurn(of: events, &signals, more)
    }
    guard turn == .ended else {
        let late =
            if case .hurried(let second) = reason {
                "when a second signal came, \(second)"
            } else {
                "\(grace.length) after the signal"
            }
        let beyond = grace.afterCancellation.map { ", nor \($0) after it was cancelled then" } ?? ""
        throw IPCError(.timedOut, "shut down: the work had not ended \(late)\(beyond)", object: first.name)
    }
    do {
        return try await work.value
    } catch is CancellationError {
        return nil
    } catch let error as IPCError where error.isCancellation {
        return nil
    }
}

/// What there was to wait for.
private enum Turn: Equatable {
    case ended
    case timeOver
    case hurried(Signal)
}

/// Waits for the end of the work, `grace` at most, and for a further signal that hurries.
private func nextTurn(
    of events: SignalEvents, _ signals: inout EndingSignals, _ grace: Duration
) async throws(IPCError) -> Turn {
    let end = Deadline.after(grace)
    do throws(IPCError) {
        while let next = try await events.next(until: end) {
            if signals.take(next.signal) == .hurries { return .hurried(next.signal) }
        }
        return .ended
    } catch {
        guard error.code == .timedOut else { throw error }
        return .timeOver
    }
}
