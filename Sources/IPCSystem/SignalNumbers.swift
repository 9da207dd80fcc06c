import CIPC

/// The real-time signals that the C library leaves to programs. signal(7).
package enum SignalNumbers {
    /// SIGRTMIN to SIGRTMAX.
    package static let realTime: ClosedRange<Int32> = cipc_first_realtime_signal()...cipc_last_realtime_signal()
}
