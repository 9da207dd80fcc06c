import CIPC

/// Taking signals from the kernel's queue, without a handler, on a thread that holds them back for as long.
package enum SignalQueueCalls {
    /// What `take` did.
    package enum Taken: Sendable, Equatable {
        case nothing
        case record(SignalRecord)
        /// The same, and somebody has put a handler over the library's meanwhile. `isPassedOn`: that one, and through it
        /// perhaps the library's, gets the signal again when the hold ends; else there was no room for it.
        case recordOfHooked(SignalRecord, isPassedOn: Bool)
    }

    /// Holds `signal` back from the calling thread, until `letThrough`. One at a time.
    package static func hold(_ signal: Int32) { cipc_signal_hold(signal) }

    /// Ends a hold, on the same thread: what came and was not taken goes to the handler now.
    package static func letThrough() { cipc_signal_let_through() }

    /// Takes one `signal` that is queued for the calling thread, which holds it back, or for the process.
    package static func take(_ signal: Int32) -> Taken {
        var record = SignalRecord()
        // SAFETY: the same layout.
        let result = unsafe withUnsafeMutablePointer(to: &record) { record in
            unsafe record.withMemoryRebound(to: cipc_signal_record.self, capacity: 1) { record in
                unsafe cipc_signal_take(signal, record)
            }
        }
        switch result {
        case Int32(CIPC_SIGNAL_TOOK_NOTHING): return .nothing
        case Int32(CIPC_SIGNAL_TOOK): return .record(record)
        default: return .recordOfHooked(record, isPassedOn: result == Int32(CIPC_SIGNAL_PASSED_ON))
        }
    }

    /// How many records the handler has written to a lane's pipe; told after they were.
    package static func writtenCount(to lane: SignalCalls.Lane) -> UInt64 {
        cipc_signal_written_to_lane(lane.rawValue)
    }
}
