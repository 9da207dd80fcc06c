public import IPCCore
import IPCSystem

/// Receiving signals, and sending them.
///
/// ```swift
/// try await Signals.with(.terminate, .hangUp) { events in
///     for await event in events {
///         if event.signal == .terminate { break }
///         reload()
///     }
/// }
/// ```
///
/// Signals are for "stop", "read your configuration again" and "a child has ended": short notices that may be merged. For
/// messages use pipes, sockets, rings or queues; for numbers between two processes there is ``SignalChannel``.
public enum Signals {
    /// Receives `signals` while `body` runs.
    ///
    /// The handler is in place before `body` starts, and what the program did with the signals before is in place again once
    /// the last scope for them is over, unless the program has changed it meanwhile. Several scopes may receive the same
    /// signal: each sees every delivery. The handler runs on whatever thread the kernel picks; nothing of the program runs
    /// in it, unless it is chained. A signal that is blocked on every thread does not arrive. sigaction(2), signal(7).
    ///
    /// The child of a fork without exec does with these signals what the process did before; exec resets them.
    ///
    /// - Parameters:
    ///   - signals: which. At least one.
    ///   - buffering: how many events wait for `body` at most; what comes beyond that is dropped and counted
    ///     (``SignalEvents/lostCount``).
    ///   - chaining: whether a handler that the program had installed for these signals is called as well. It runs where and
    ///     when it would have run without this scope.
    ///   - body: what to do meanwhile; the events end with it.
    /// - Throws: `IPCError` before `body` runs: `.invalidArgument` for SIGKILL, SIGSTOP, the faults (SIGSEGV, SIGBUS, SIGFPE,
    ///   SIGILL), numbers that are no signals, none at all, or a buffer without room; `.busy` for a signal that signal channels
    ///   or the library's own waits use; `.resourceExhausted` without descriptors. Then what `body` throws.
    public static func with<Result>(
        _ signals: Signal..., buffering: Int = 1024, chaining: Bool = false,
        body: (SignalEvents) async throws -> Result
    ) async throws -> Result {
        try await with(Set(signals), buffering: buffering, chaining: chaining, body: body)
    }

    /// The same for a set of signals.
    public static func with<Result>(
        _ signals: Set<Signal>, buffering: Int = 1024, chaining: Bool = false,
        body: (SignalEvents) async throws -> Result
    ) async throws -> Result {
        guard !signals.isEmpty, buffering > 0 else {
            throw IPCError(.invalidArgument, "receive signals: name at least one, and leave room for one event")
        }
        for signal in signals { try SignalRules.check(signal) }
        let inbox = SignalInbox(capacity: buffering)
        let events = SignalEvents(signals, inbox: inbox)
        try SignalHub.shared.subscribe(inbox, to: signals, chaining: chaining)
        defer {
            SignalHub.shared.unsubscribe(inbox, from: signals)
            inbox.close()
        }
        return try await body(events)
    }
}
