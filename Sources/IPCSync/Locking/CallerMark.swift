public import IPCSystem

/// Tells one thread or task of this process from the others, to notice that it waits for itself.
@usableFromInline
enum CallerMark {
    /// The calling thread. Even, never 0.
    @inlinable @inline(__always)
    static var thread: UInt { SystemThread.mark }

    /// The task that runs; 0 outside of tasks. Odd otherwise, and never that of another task: a guard may outlive the task
    /// that took it, whose place in memory the next one may have.
    static var task: UInt {
        let number = SystemThread.taskNumber
        return number == 0 ? 0 : UInt(truncatingIfNeeded: number << 1) | 1
    }
}
