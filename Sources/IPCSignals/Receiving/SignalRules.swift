import IPCCore
import IPCSystem

/// Which signals a program may receive with this library.
enum SignalRules {
    /// Synchronous faults: the instruction that caused one is executed again when its handler returns, so a handler that
    /// only notes it would run for ever.
    private static let faults: Set<Signal> = [
        .segmentationFault, .busError, .floatingPointException, .illegalInstruction,
    ]

    /// - Throws: `.invalidArgument` for what no handler may or can take; `.busy` for the signal that ends blocked calls of
    ///   this library.
    static func check(_ signal: Signal) throws(IPCError) {
        if signal == .kill || signal == .stop {
            throw refusal(signal, "nobody can catch it; ask the sender for SIGTERM or SIGTSTP")
        }
        if faults.contains(signal) {
            throw refusal(signal, "it is a fault of the thread that gets it, and cannot be handled later")
        }
        guard (1...31).contains(signal.rawValue) || signal.isRealTime else {
            throw refusal(signal, "there is no such signal, or the C library uses it")
        }
        if InterruptCalls.has(signal.rawValue) {
            throw IPCError(
                .busy, "receive a signal: this library ends blocked calls with it; take another real-time signal",
                object: signal.name)
        }
    }

    private static func refusal(_ signal: Signal, _ reason: String) -> IPCError {
        IPCError(.invalidArgument, "receive a signal: \(reason)", object: signal.name)
    }
}
