import CIPC

/// An exclusive lock on the first byte of a file, which the kernel drops when the process dies, and which no other
/// descriptor of the file in this process affects. fcntl(2) F_OFD_SETLK.
///
/// It has an open file of its own, and the child of a fork has none of it.
package struct RangeLock: ~Copyable {
    private let number: Int32

    /// Takes the lock of the file that `descriptor` stands for; nil while somebody else has it. The file must be one that
    /// this process may open for writing.
    package static func tryTake(_ descriptor: Int32) throws(SystemCallError) -> RangeLock? {
        let number = Int32(try retrying(.open) { cipc_reopen_guarded(descriptor) })
        let lock = RangeLock(number: number)
        guard try retryingUnlessBlocked(.fcntl, { cipc_range_lock(number, 0, 1) }) != nil else { return nil }
        return lock
    }

    private init(number: Int32) { self.number = number }

    deinit {
        // Said explicitly: closing alone would leave the lock to a child that was forked past the handlers of fork(2).
        _ = cipc_range_unlock(number, 0, 1)
        cipc_close_guarded(number)
    }
}
