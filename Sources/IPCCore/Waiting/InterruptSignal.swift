import IPCSystem
import Synchronization

/// The signal that ends a call in which a thread is blocked: a real-time signal that the program does not use.
///
/// It is taken with the first such call, the highest whose disposition is the default, or the one that the program named.
/// Its handler does nothing but end the call, and it is only ever sent to single threads of this process.
@usableFromInline
package enum InterruptSignal {
    private static let number = Atomic<Int32>(0)
    private static let choosing = Lock(())

    /// The number, taken now if it was not before. - Throws: `.resourceExhausted` when the program uses all of them.
    @usableFromInline
    package static func take() throws(IPCError) -> Int32 {
        let found = number.load(ordering: .acquiring)
        return found > 0 ? found : try choose()
    }

    /// Takes `signal`, before the first call that needs one. - Throws: `.busy` when another one is in use already, or the
    /// program uses this one; `.invalidArgument` for none of the real-time signals.
    package static func use(_ signal: Signal) throws(IPCError) {
        guard signal.isRealTime else {
            throw IPCError(.invalidArgument, "choose a signal: a real-time signal is needed", object: signal.name)
        }
        try choosing.withLock { _ throws(IPCError) in
            let found = number.load(ordering: .relaxed)
            if found == signal.rawValue { return }
            guard found == 0 else {
                throw IPCError(
                    .busy, "choose a signal: \(Signal(rawValue: found).name) is in use; choose before the first wait",
                    object: signal.name)
            }
            guard
                try mapping(
                    "choose a signal",
                    { () throws(SystemCallError) in
                        try InterruptCalls.take(signal.rawValue)
                    })
            else {
                throw IPCError(.busy, "choose a signal: this program has a handler for it", object: signal.name)
            }
            number.store(signal.rawValue, ordering: .releasing)
        }
    }

    /// The number to send: another one than before if the program has taken that since.
    static func number(insteadOf before: Int32) -> Int32 {
        if InterruptCalls.has(before) { return before }
        return (try? choose(insteadOf: before)) ?? before
    }

    @inline(never)
    private static func choose(insteadOf before: Int32 = 0) throws(IPCError) -> Int32 {
        try choosing.withLock { _ throws(IPCError) in
            let found = number.load(ordering: .relaxed)
            if found > 0, found != before { return found }
            for signal in Signal.realTimeSignals.reversed() {
                let isOurs = try mapping("choose a signal") { () throws(SystemCallError) in
                    try InterruptCalls.take(signal.rawValue)
                }
                guard isOurs else { continue }
                number.store(signal.rawValue, ordering: .releasing)
                return signal.rawValue
            }
            throw IPCError(
                .resourceExhausted,
                "wait: this needs a real-time signal, and the program uses all of them; leave one at its default")
        }
    }
}
