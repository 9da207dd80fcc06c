import IPCSystem

/// A suspended task that is woken once, with a value. The state machines that keep these see to the "once".
@safe
package struct Sleeper<Value: Sendable>: Sendable {
    private let continuation: UnsafeContinuation<Value, Never>
    /// Whether the task runs on another executor than ours. See `WaitPoint.isForeign`.
    private let isForeign: Bool

    /// Suspends the task until somebody wakes it. `register` hands the sleeper to a state machine, which may have it
    /// woken at once.
    package static func sleep(_ register: (Sleeper<Value>) -> Void) async -> Value {
        // SAFETY: every state machine takes a sleeper out of its state when it has it woken, so it is woken once, and
        // wakes all that it has when it ends.
        await unsafe withUnsafeContinuation { continuation in
            register(unsafe Sleeper(continuation: continuation, isForeign: !Scheduler.isWorkersThread))
        }
    }

    package func wake(_ value: Value) {
        guard isForeign else { return unsafe continuation.resume(returning: value) }
        PipeSignalMask.unblocked { unsafe continuation.resume(returning: value) }
    }
}

extension Sleeper where Value == Void {
    package func wake() { wake(()) }
}
