import CIPC
import Synchronization

/// State behind a lock: a `Synchronization.Mutex` that the thread sanitizer understands.
///
/// The sanitizer does not see the mutex of the standard library on Linux and would report every access to what it
/// protects. Without the sanitizer this is the mutex and nothing else.
package struct Lock<State: ~Copyable>: ~Copyable {
    private let mutex: Mutex<State>

    package init(_ state: consuming sending State) {
        mutex = Mutex(state)
    }

    /// Runs `body` with the state, while nobody else does. Keep it short: a thread that waits here is blocked.
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { state throws(Failure) in
            // SAFETY: only the address is used, as a name for this lock.
            let name = unsafe withUnsafePointer(to: mutex) { unsafe UnsafeRawPointer($0) }
            unsafe cipc_sanitizer_acquire(name)
            defer { unsafe cipc_sanitizer_release(name) }
            return try body(&state)
        }
    }
}

extension Lock: Sendable where State: ~Copyable {}

/// Tells the thread sanitizer of a hand-over that it cannot see: what one thread did before ``handsOver(_:)`` happened
/// before what another does after ``takesOver(_:)`` with the same object. Resuming a continuation is one.
package enum SanitizerHints {
    package static func handsOver(_ object: AnyObject) {
        // SAFETY: the address is a name and nothing else.
        unsafe cipc_sanitizer_release(Unmanaged.passUnretained(object).toOpaque())
    }

    package static func takesOver(_ object: AnyObject) {
        // SAFETY: the address is a name and nothing else.
        unsafe cipc_sanitizer_acquire(Unmanaged.passUnretained(object).toOpaque())
    }
}
