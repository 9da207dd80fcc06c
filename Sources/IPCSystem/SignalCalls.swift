import CIPC

/// What the handler of signal_receive.c writes for each signal: `cipc_signal_record`, in the same layout.
package struct SignalRecord: BitwiseCopyable, Sendable, Equatable {
    package var signal: Int32 = 0
    package var code: Int32 = 0
    /// si_errno, which the kernel passes on as the sender gave it.
    package var number: Int32 = 0
    package var process: Int32 = 0
    package var user: UInt32 = 0
    /// si_status, of SIGCHLD alone.
    package var status: Int32 = 0
    package var value: UInt64 = 0

    package init() {}

    /// Whether it says no more than that records were lost.
    package var isLossMark: Bool { code == CIPC_SIGNAL_LOSS_CODE }
}

/// Dispositions of signals, and the pipes to which the one handler of this library writes.
package enum SignalCalls {
    /// Which pipe the records of a signal go to.
    package enum Lane: Int32, Sendable {
        case events = 0
        case channels = 1
    }

    /// Says where the records of a lane go, for the life of the process. `descriptor` is non-blocking.
    package static func setPipe(_ lane: Lane, _ descriptor: Int32) {
        cipc_signal_set_pipe(lane.rawValue, descriptor)
    }

    /// sigaction(2): makes the library's handler the disposition of `signal`, and keeps the one before.
    package static func install(_ signal: Int32, _ lane: Lane) throws(SystemCallError) {
        _ = try retrying(.sigaction) { cipc_signal_install(signal, lane.rawValue) }
    }

    /// Gives `signal` the disposition that it had; false when the program has changed it meanwhile.
    @discardableResult
    package static func restore(_ signal: Int32) throws(SystemCallError) -> Bool {
        try retrying(.sigaction) { cipc_signal_restore(signal) } == 1
    }

    /// Whether the disposition of `signal` is the library's handler.
    package static func isInstalled(_ signal: Int32) -> Bool { cipc_signal_is_installed(signal) != 0 }

    /// Whether the handler that was there before is called, too.
    package static func chain(_ signal: Int32, _ enabled: Bool) { cipc_signal_chain(signal, enabled ? 1 : 0) }

    /// How many records of `signal` found the pipe full, since the process began.
    package static func lostCount(_ signal: Int32) -> UInt64 { cipc_signal_lost_count(signal) }

    /// The same for all signals of a lane: changed before the record after a loss is read.
    package static func lostCount(of lane: Lane) -> UInt64 { cipc_signal_lost_of_lane(lane.rawValue) }

    /// Lets `signal` through to the calling thread.
    package static func admit(_ signal: Int32) { cipc_signal_admit(signal) }

    /// read(2) of whole records into `buffer`: how many; nil when there are none.
    package static func read(
        _ number: Int32, into buffer: UnsafeMutableBufferPointer<SignalRecord>
    ) throws(SystemCallError) -> Int? {
        // SAFETY: any bytes are a record. Each write to the pipe was of whole ones, and the buffer holds whole ones.
        guard let count = try unsafe DescriptorCalls.read(number, into: UnsafeMutableRawBufferPointer(buffer)) else {
            return nil
        }
        return count / MemoryLayout<SignalRecord>.stride
    }
}

/// Sending signals, and what the kernel tells of those who get them.
package enum SignalSending {
    /// kill(2): to a process, or to a group where `target` is negative.
    package static func send(_ target: Int32, _ signal: Int32) throws(SystemCallError) {
        _ = try retrying(.kill) { cipc_kill(target, signal) }
    }

    /// rt_sigqueueinfo(2): with a value. EAGAIN at the user's limit of queued signals.
    package static func queue(
        _ process: Int32, _ signal: Int32, number: Int32 = 0, value: UInt64
    ) throws(SystemCallError) {
        _ = try retrying(.rt_sigqueueinfo) { cipc_signal_queue(process, signal, number, value) }
    }

    /// rt_tgsigqueueinfo(2): with a value, to one thread.
    package static func queue(
        _ process: Int32, thread: Int32, _ signal: Int32, number: Int32, value: UInt64
    ) throws(SystemCallError) {
        _ = try retrying(.rt_tgsigqueueinfo) {
            cipc_signal_queue_thread(process, thread, signal, number, value)
        }
    }

    /// pidfd_send_signal(2) with a value.
    package static func queue(
        pidfd: Int32, _ signal: Int32, number: Int32 = 0, value: UInt64
    ) throws(SystemCallError) {
        _ = try retrying(.pidfd_send_signal) { cipc_signal_queue_pidfd(pidfd, signal, number, value) }
    }

    /// pidfd_open(2) of a process.
    package static func open(process: Int32) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.pidfd_open) { cipc_pidfd_open(process, 0) }))
    }

    /// pidfd_open(2) of a thread: EINVAL before Linux 6.9.
    package static func open(thread: Int32) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.pidfd_open) { cipc_pidfd_open(thread, 1) }))
    }

    /// Whether `thread` is one of `process`. tgkill(2) with signal 0.
    package static func isThread(_ thread: Int32, of process: Int32) -> Bool {
        cipc_thread_signal(process, thread, 0) == 0
    }

    /// What /proc tells of a process.
    package struct ProcessFacts: Sendable {
        /// Bit n - 1 for signal n.
        package let caught: UInt64
        /// Clock ticks between the start of the machine and that of the process: tells a reused number from the first one.
        package let start: UInt64

        package func catches(_ signal: Int32) -> Bool {
            (1...64).contains(signal) && caught & (1 << UInt64(signal - 1)) != 0
        }
    }

    /// proc_pid_status(5), proc_pid_stat(5). ESRCH when there is no such process.
    package static func facts(of process: Int32) throws(SystemCallError) -> ProcessFacts {
        var caught: UInt64 = 0
        var start: UInt64 = 0
        _ = try retrying(.open) { unsafe cipc_signal_process_facts(process, &caught, &start) }
        return ProcessFacts(caught: caught, start: start)
    }

    /// RLIMIT_SIGPENDING of this process.
    package static var queueLimit: UInt64 { cipc_signal_queue_limit() }

    /// getppid(2).
    package static var parentProcessID: Int32 { cipc_parent_process_id() }
}
