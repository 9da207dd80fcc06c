import IPCSignals
import IPCSystem

/// Work that signals end gracefully, or at once when they are repeated: what servers and supervisors are run by. The signals
/// are received before the work begins and until it is over.
struct SignalledRun: Sendable {
    /// Ask for the end.
    let ending: Set<Signal>
    /// Ask for something else.
    let others: Set<Signal>
    /// Begins what one of those asks for; does not wait.
    let onOther: @Sendable () -> Void
    /// Takes all grace from whoever is being ended.
    let hurry: @Sendable () async -> Void

    init(
        ending: Set<Signal>, others: Set<Signal> = [], onOther: @escaping @Sendable () -> Void = {},
        hurry: @escaping @Sendable () async -> Void
    ) {
        self.ending = ending
        self.others = others
        self.onOther = onOther
        self.hurry = hurry
    }

    /// What the signals have asked for.
    private final class Asked: Sendable {
        let signals = Lock(EndingSignals())
    }

    /// Runs `work`, which is cancelled by the first signal that asks for the end, and which takes care itself that it ends.
    ///
    /// - Throws: what `work` throws, but a cancellation that a signal was the reason of; `.timedOut` after a second signal.
    func perform(_ work: @escaping @Sendable () async throws -> Void) async throws {
        let signals = ending.union(others)
        guard !signals.isEmpty else { return try await work() }
        try await Signals.with(signals) { events in
            let asked = Asked()
            let task = Task { try await work() }
            let listening = Task(executorPreference: IPCExecutor.shared) {
                for await event in events { await take(event.signal, asked, task) }
            }
            let result = await withTaskCancellationHandler {
                await task.result
            } onCancel: {
                task.cancel()
            }
            listening.cancel()
            await listening.value
            let found = asked.signals.withLock { $0 }
            if let second = found.second {
                throw IPCError(
                    .timedOut, "run: not everything had ended when a second signal came, \(second)", object: second.name
                )
            }
            do {
                try result.get()
            } catch  where found.first != nil && Self.isCancellation(error) {
                // What the signal asked for.
            }
        }
    }

    private func take(_ signal: Signal, _ asked: Asked, _ task: Task<Void, any Error>) async {
        guard ending.contains(signal) else { return onOther() }
        switch asked.signals.withLock({ $0.take(signal) }) {
        case .asks: task.cancel()
        case .hurries: await hurry()
        case .repeats: break
        }
    }

    private static func isCancellation(_ error: any Error) -> Bool {
        error is CancellationError || (error as? IPCError)?.isCancellation == true
    }
}
