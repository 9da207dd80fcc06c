public import IPCSystem

/// Tells one thread or task of this process from the others, to notice that it waits for itself.
@usableFromInline
enum CallerMark {
    /// The calling thread. Even, never 0.
    @inlinable @inline(__always)
    static var thread: UInt { SystemThread.mark }

    /// The task that runs; 0 outside of tasks. Odd otherwise.
    static var task: UInt {
        unsafe withUnsafeCurrentTask { task in unsafe task.map { unsafe UInt(bitPattern: $0.hashValue) | 1 } ?? 0 }
    }
}
