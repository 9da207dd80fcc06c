import IPCCore
import IPCSystem

/// Who in this process receives which signals. One for the process, because dispositions are.
final class SignalHub: Sendable {
    static let shared = SignalHub()

    private struct Subscription {
        let inbox: SignalInbox
        let chains: Bool
    }

    private enum Use {
        /// Scopes of `Signals.with(_:buffering:chaining:body:)`. Without any left the disposition is as it was before.
        case scopes([Subscription])
        /// Channels, whose handler stays: a message that is still on its way must not end the process.
        case channels
    }

    private struct State {
        var uses: [Int32: Use] = [:]
        var lane: SignalLane?
    }

    private let state = Lock(State())

    /// Has `inbox` get each of `signals` from now on.
    ///
    /// - Throws: `.busy` for a signal that channels use; `.resourceExhausted` without descriptors for the pipe.
    func subscribe(_ inbox: SignalInbox, to signals: Set<Signal>, chaining: Bool) throws(IPCError) {
        // sigaction(2) under the lock: the table and the dispositions must tell the same.
        try state.withLock { state throws(IPCError) in
            if state.lane == nil {
                state.lane = try SignalLane(.events) { [unowned self] in self.deliver($0) }
            }
            var done: [Signal] = []
            do throws(IPCError) {
                for signal in signals {
                    try Self.add(Subscription(inbox: inbox, chains: chaining), to: signal, &state)
                    done.append(signal)
                }
            } catch {
                for signal in done { Self.remove(inbox, from: signal, &state) }
                throw error
            }
        }
    }

    /// Takes `inbox` away, and gives the signals that nobody receives any more the disposition that they had.
    func unsubscribe(_ inbox: SignalInbox, from signals: Set<Signal>) {
        state.withLock { state in
            for signal in signals { Self.remove(inbox, from: signal, &state) }
        }
    }

    /// Makes `signal` one of channels, for the life of the process.
    ///
    /// - Throws: `.busy` while scopes receive it, or when the program has a handler for it.
    func claimForChannels(_ signal: Signal) throws(IPCError) {
        try state.withLock { state throws(IPCError) in
            switch state.uses[signal.rawValue] {
            case .channels: return
            case .scopes:
                throw IPCError(
                    .busy, "make a signal channel: a scope of Signals.with receives this signal; take another one",
                    object: signal.name)
            case nil: break
            }
            let own = try? SignalSending.facts(of: ProcessFacts.processID)
            if own?.catches(signal.rawValue) ?? false, !SignalCalls.isInstalled(signal.rawValue) {
                throw IPCError(
                    .busy, "make a signal channel: the program has a handler for this signal; take another one",
                    object: signal.name)
            }
            try mapping("make a signal channel", object: signal.name) { () throws(SystemCallError) in
                try SignalCalls.install(signal.rawValue, .channels)
            }
            state.uses[signal.rawValue] = .channels
        }
    }

    private static func add(
        _ subscription: Subscription, to signal: Signal, _ state: inout State
    ) throws(IPCError) {
        switch state.uses[signal.rawValue] {
        case .channels:
            throw IPCError(
                .busy, "receive a signal: signal channels of this process use it; take another one",
                object: signal.name)
        case .scopes(let others):
            state.uses[signal.rawValue] = .scopes(others + [subscription])
        case nil:
            try mapping("receive a signal", object: signal.name) { () throws(SystemCallError) in
                try SignalCalls.install(signal.rawValue, .events)
            }
            state.uses[signal.rawValue] = .scopes([subscription])
        }
        updateChaining(signal, state)
    }

    private static func remove(_ inbox: SignalInbox, from signal: Signal, _ state: inout State) {
        guard case .scopes(let subscriptions) = state.uses[signal.rawValue] else { return }
        let left = subscriptions.filter { $0.inbox !== inbox }
        if left.isEmpty {
            // It can only fail for a signal that does not exist.
            _ = try? SignalCalls.restore(signal.rawValue)
            state.uses[signal.rawValue] = nil
        } else {
            state.uses[signal.rawValue] = .scopes(left)
        }
        updateChaining(signal, state)
    }

    private static func updateChaining(_ signal: Signal, _ state: State) {
        guard case .scopes(let subscriptions) = state.uses[signal.rawValue] else {
            return SignalCalls.chain(signal.rawValue, false)
        }
        SignalCalls.chain(signal.rawValue, subscriptions.contains(where: \.chains))
    }

    private func deliver(_ record: SignalRecord) {
        let inboxes = state.withLock { state -> [SignalInbox] in
            guard case .scopes(let subscriptions) = state.uses[record.signal] else { return [] }
            return subscriptions.map(\.inbox)
        }
        let event = SignalEvent(record)
        for inbox in inboxes { inbox.append(event) }
    }
}
