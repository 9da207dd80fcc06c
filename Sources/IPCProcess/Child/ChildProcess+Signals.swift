public import IPCCore
import IPCSignals
import IPCSystem

extension ChildProcess {
    /// Sends a signal with a value to the child alone; it finds it in siginfo's `si_value`. pidfd_send_signal(2).
    ///
    /// - Throws: `.resourceExhausted` when the child's user has as many signals on their way as RLIMIT_SIGPENDING allows;
    ///   `.invalidArgument` for what is no signal; `.notFound` once the child has ended and its status was taken.
    public func send(_ signal: Signal, value: Int32) throws(IPCError) { try handle.signal(signal, value: value) }
}

extension ChildHandle {
    func signal(_ signal: Signal, value: Int32) throws(IPCError) {
        do throws(SystemCallError) {
            try queue(signal, value: UInt64(UInt32(bitPattern: value)))
        } catch {
            throw .sendingSignal(error, signal, "process \(processID)")
        }
    }
}
