import CIPC

/// Taking signals from the kernel's queue, without a handler, on a thread that holds them back for as long.
package enum SignalQueueCalls {
    /// The most that `take` takes at once.
    package static let largestBatch = 32

    /// signalfd(2), non-blocking, close-on-exec; for no signal yet.
    package static func open() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.signalfd) { cipc_signal_open_queue(-1, 0) }))
    }

    /// From now on the queue is that of the signals of `set`: bit n - 1 for signal n.
    package static func include(_ set: UInt64, in queue: Int32) throws(SystemCallError) {
        _ = try retrying(.signalfd) { cipc_signal_open_queue(queue, set) }
    }

    /// Holds `signal` back from the calling thread.
    ///
    /// - Returns: what `letThrough` needs; nil when the library's handler is not the disposition, so that whoever has put
    ///   another one over it sees each signal.
    package static func hold(_ signal: Int32) -> UInt64? {
        var mask: UInt64 = 0
        return unsafe cipc_signal_hold(signal, &mask) == 1 ? mask : nil
    }

    /// Ends a hold, on the same thread: what came and was not taken goes to the handler now.
    package static func letThrough(_ mask: UInt64) { cipc_signal_let_through(mask) }

    /// Takes what is queued for the calling thread or the process: how many records; 0 when there is nothing.
    package static func take(_ queue: Int32, into buffer: UnsafeMutableBufferPointer<SignalRecord>) -> Int {
        guard let start = buffer.baseAddress else { return 0 }
        // SAFETY: the same layout, and no more than the buffer holds.
        return unsafe start.withMemoryRebound(to: cipc_signal_record.self, capacity: buffer.count) { start in
            unsafe max(0, Int(cipc_signal_take(queue, start, Int32(clamping: buffer.count))))
        }
    }

    /// How many records the handler has written to a lane's pipe; told after they were.
    package static func writtenCount(to lane: SignalCalls.Lane) -> UInt64 {
        cipc_signal_written_to_lane(lane.rawValue)
    }
}
