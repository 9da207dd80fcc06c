import CIPC

/// A robust, process-shared pthread mutex in memory that others may share. pthread_mutex_lock(3).
///
/// It belongs to the *thread* that locked it: whoever unlocks must be on the same one.
package enum PthreadMutexCalls {
    package enum Outcome: Sendable { case locked, ownerDied }

    /// Bytes of a mutex.
    package static let byteCount = cipc_mutex_size()

    package static func make(in bytes: SharedBytes) throws(SystemCallError) {
        _ = try retrying(.pthread_mutex) { unsafe cipc_mutex_make(bytes.address(0, byteCount)) }
    }

    /// Locks; nil when `limit` (CLOCK_MONOTONIC nanoseconds; 0: does not wait) passes first. Blocks the thread.
    ///
    /// - Throws: ENOTRECOVERABLE; EDEADLK when this thread has it.
    package static func lock(_ bytes: SharedBytes, until limit: UInt64) throws(SystemCallError) -> Outcome? {
        do {
            _ = try retrying(.pthread_mutex) { unsafe cipc_mutex_lock(bytes.address(0, byteCount), limit) }
            return .locked
        } catch {
            switch error.errno {
            case Errno.ownerDied: return .ownerDied
            case Errno.timedOut: return nil
            default: throw error
            }
        }
    }

    package static func unlock(_ bytes: SharedBytes) throws(SystemCallError) {
        _ = try retrying(.pthread_mutex) { unsafe cipc_mutex_unlock(bytes.address(0, byteCount)) }
    }

    package static func markConsistent(_ bytes: SharedBytes) throws(SystemCallError) {
        _ = try retrying(.pthread_mutex) { unsafe cipc_mutex_consistent(bytes.address(0, byteCount)) }
    }

    package static func destroy(_ bytes: SharedBytes) throws(SystemCallError) {
        _ = try retrying(.pthread_mutex) { unsafe cipc_mutex_destroy(bytes.address(0, byteCount)) }
    }
}
