public import CIPC

/// A thread of this library, for what must block or poll. SIGPIPE is blocked on it and nothing else.
@usableFromInline
package enum SystemThread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    /// A number for the calling thread that no other living thread of the process has. One instruction.
    @inlinable @inline(__always)
    package static var mark: UInt { UInt(cipc_thread_mark()) }

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

/// What the process and the thread know of themselves.
package enum ProcessFacts {
    package static var processID: Int32 { cipc_process_id() }
    package static var threadID: Int32 { cipc_thread_id() }
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
