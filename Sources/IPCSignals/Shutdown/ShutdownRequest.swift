import IPCCore
import IPCSystem

/// Tells work that it has been asked to end: what the body of
/// ``withGracefulShutdown(on:grace:body:)-(Signal...,_,(ShutdownRequest)->Result)`` gets.
public final class ShutdownRequest: Sendable {
    private enum State {
        case pending([@Sendable () async -> Void])
        case made
        /// Nobody will ask any more.
        case forgotten
    }

    private let state = Lock(State.pending([]))

    init() {}

    /// Whether somebody has asked for the end.
    public var isMade: Bool {
        state.withLock { if case .made = $0 { true } else { false } }
    }

    /// Runs `action` in a task of its own when somebody asks for the end: at once if that has been. Nobody waits for it; the
    /// work has its grace for both.
    ///
    /// It is kept until the body is over: one for a listener, not one for each of its connections, which would add up.
    public func onRequest(_ action: @escaping @Sendable () async -> Void) {
        let isDue = state.withLock { state -> Bool in
            guard case .pending(var actions) = state else {
                if case .made = state { return true }
                return false
            }
            // One owner while it grows.
            state = .forgotten
            actions.append(action)
            state = .pending(actions)
            return false
        }
        if isDue { Task { await action() } }
    }

    func make() {
        let actions = state.withLock { state -> [@Sendable () async -> Void] in
            guard case .pending(let actions) = state else { return [] }
            state = .made
            return actions
        }
        for action in actions { Task { await action() } }
    }

    func forget() {
        state.withLock { if case .pending = $0 { $0 = .forgotten } }
    }
}
