import CIPC

/// Sleeping on words that several processes share, and waking who sleeps there. Never with the private flag: that would
/// lose the wake-ups of other processes. futex(2), futex_waitv(2).
package enum SharedFutexCalls {
    /// A word, and the value at which to sleep.
    package struct Expectation: Sendable {
        package let word: SharedWord32
        package let expected: UInt32
        /// The word is no other process's business, which makes watching it cheaper.
        package let isPrivate: Bool

        package init(_ word: SharedWord32, is expected: UInt32, isPrivate: Bool = false) {
            self.word = word
            self.expected = expected
            self.isPrivate = isPrivate
        }
    }

    /// Why a sleep ended.
    package enum Outcome: Sendable, Equatable {
        /// Somebody woke those who sleep on the word of this index.
        case woken(Int)
        /// A word is not, or no longer, as expected.
        case changed
        /// The instant is over.
        case timedOut
    }

    /// The most words of one sleep. The cost of a sleep grows with them. FUTEX_WAITV_MAX.
    package static let maximumWords = Int(CIPC_FUTEX_LIMIT)

    /// Wakes up to `count` that sleep on `word`, threads of whatever process. The word may be mapped read-only.
    ///
    /// It cannot fail for a mapped word, and a process that has just died is no error: nobody to wake is no failure.
    package static func wake(_ word: SharedWord32, _ count: Int = .max) {
        _ = unsafe cipc_futex_wake_shared(word.address, Int32(clamping: count))
    }

    /// Sleeps while each word is as expected, at most until `limit` (CLOCK_MONOTONIC nanoseconds). Blocks the thread.
    ///
    /// A signal does not end it. - Throws: ENOSYS or EPERM where the system refuses futex_waitv(2); EFAULT when a word is
    /// no longer mapped.
    package static func wait(
        whileAll words: [Expectation], until limit: UInt64 = .max
    ) throws(SystemCallError) -> Outcome {
        let list = words.map {
            cipc_futex_entry(
                expected: UInt64($0.expected), address: unsafe UInt64(UInt(bitPattern: $0.word.address)),
                flags: UInt32($0.isPrivate ? CIPC_FUTEX_PRIVATE : CIPC_FUTEX_SHARED), reserved: 0)
        }
        return try outcome {
            // SAFETY: the list outlives the call, which reads it and the words alone.
            unsafe list.withUnsafeBufferPointer {
                unsafe cipc_futex_wait_any($0.baseAddress!, UInt32(clamping: $0.count), limit)
            }
        }
    }

    private static func outcome(_ call: () -> Int32) throws(SystemCallError) -> Outcome {
        do {
            return .woken(try retrying(.futex_waitv, call))
        } catch {
            return try outcome(of: error)
        }
    }

    private static func outcome(of error: SystemCallError) throws(SystemCallError) -> Outcome {
        switch error.errno {
        case Errno.wouldBlock: return .changed
        case Errno.timedOut: return .timedOut
        default: throw error
        }
    }
}
