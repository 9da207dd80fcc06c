public import IPCCore

/// What waiting on queues of the kernel needs of the process.
///
/// A System V queue has no descriptor, so a task that waits on one has a thread of this library meanwhile, and so that a
/// cancellation, a deadline or `close` can end its call, the library takes one real-time signal with the first such wait:
/// the highest whose disposition is the default. Its handler does nothing, it is sent to single threads of this process
/// alone, and whoever sets the signal's disposition later makes the library take another one. Calls with `…Blocking` use it,
/// too; there it is unblocked on the thread that calls.
public enum QueueWaits {
    /// How many tasks of a process can wait on System V queues at a time; above that `.resourceExhausted` is thrown.
    public static var maximumCount: Int { InterruptibleCalls.shared.limit }

    /// Takes this signal instead of the highest free one. Before the first wait.
    ///
    /// - Throws: `.busy` when the program has a handler for it, or another one was taken before; `.invalidArgument` for one
    ///   that is no real-time signal.
    public static func useSignal(_ signal: Signal) throws(IPCError) {
        try InterruptSignal.use(signal)
    }
}
