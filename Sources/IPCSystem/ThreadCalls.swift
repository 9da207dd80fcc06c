public import CIPC

/// A thread of this library, for what must block or poll. Its signal mask is the one that the host has.
@usableFromInline
package enum SystemThread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    /// A number for the calling thread that no other living thread of the process has. One instruction.
    @inlinable @inline(__always)
    package static var mark: UInt { UInt(cipc_thread_mark()) }

    /// A number for the task that runs on the calling thread, which no other task of the process has or had; 0 outside of
    /// tasks, and where the runtime does not tell.
    package static var taskNumber: UInt64 { cipc_task_number() }

    /// Starts a detached thread. `name` (15 bytes at most) shows in /proc and in debuggers.
    package static func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(SystemCallError) {
        let context = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
        do {
            _ = try retrying(.pthread_create) {
                // SAFETY: the thread takes over the one reference that `context` holds.
                unsafe cipc_thread_start(
                    name, { unsafe Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run() }, context)
            }
        } catch {
            unsafe Unmanaged<Body>.fromOpaque(context).release()
            throw error
        }
    }
}

/// SIGPIPE on the calling thread.
package enum PipeSignalMask {
    /// Blocks it, which makes writes to pipes cheaper: without, each asks the kernel not to raise it.
    package static func block() { cipc_thread_block_sigpipe() }

    /// Runs `body` with SIGPIPE unblocked, if ``block()`` was called on this thread. For what may start threads of the host,
    /// which inherit the mask, and with them the programs that these start.
    package static func unblocked(_ body: () -> Void) {
        guard cipc_thread_blocks_sigpipe_get() != 0 else { return body() }
        cipc_thread_unblock_sigpipe()
        body()
        cipc_thread_block_sigpipe()
    }
}

/// What the process and the thread know of themselves.
package enum ProcessFacts {
    package static var processID: Int32 { cipc_process_id() }
    package static var threadID: Int32 { cipc_thread_id() }
    /// Whether this process was forked, without exec since, from the one that loaded the library: no task runs in it.
    package static var isForked: Bool { cipc_is_forked() != 0 }
    package static var effectiveUser: UInt32 { cipc_effective_user() }
    package static var effectiveGroup: UInt32 { cipc_effective_group() }
    /// The processors that this thread may run on.
    package static var usableProcessors: Int { Int(cipc_usable_processors()) }
}

/// What a loop that spins tells the processor.
@usableFromInline
package enum ProcessorHint {
    /// A short pause, which leaves the core's resources to its other thread.
    @inlinable @inline(__always)
    package static func pause() { cipc_pause() }

    /// That another thread may run first. sched_yield(2).
    package static func yield() { cipc_yield() }

    /// That the cache line at `address` will be written soon.
    @inlinable @inline(__always)
    package static func prepareToWrite(_ address: UnsafeMutableRawPointer) {
        // SAFETY: a hint that reads nothing, whatever the address.
        unsafe cipc_prefetch_to_write(address)
    }
}

/// CLOCK_MONOTONIC.
@usableFromInline
package enum MonotonicClock {
    @inlinable package static var nanoseconds: UInt64 { cipc_monotonic_nanoseconds() }
}
