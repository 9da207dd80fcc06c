import CIPC

/// Leaving the process.
package enum ProcessExit {
    /// exit(3): runs what the program registered for its end and flushes its streams. It does not come back; the type
    /// does not say so, because the compiler mistreats generic callers whose end cannot be reached.
    package static func leave(_ status: Int32) { cipc_exit_process(status) }

    /// _exit(2): at once, while other threads may be anywhere.
    package static func leaveAtOnce(_ status: Int32) { cipc_exit_process_at_once(status) }
}
