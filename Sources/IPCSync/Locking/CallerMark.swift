import IPCSystem
import Synchronization

/// Tells one thread or task of this process from the others, to notice that it waits for itself.
enum CallerMark {
    /// The calling thread. Even, never 0.
    @inline(__always)
    static var thread: UInt { SystemThread.mark }

    /// The task that runs; 0 outside of tasks. Odd otherwise.
    static var task: UInt {
        unsafe withUnsafeCurrentTask { task in unsafe task.map { unsafe UInt(bitPattern: $0.hashValue) | 1 } ?? 0 }
    }
}

/// A mark that threads write and look at.
final class AtomicMark: Sendable {
    private let value = Atomic<UInt>(0)

    @inline(__always)
    func set(_ mark: UInt) { value.store(mark, ordering: .relaxed) }

    var current: UInt { value.load(ordering: .relaxed) }
}
