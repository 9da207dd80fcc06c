import CIPC

/// A lock that a process holds on one byte of a file for as long as it lives, through an open file of its own: the kernel
/// drops it when the *last* thread of the process has let go of its descriptors, after which none of them writes any more.
/// The child of a fork has none of it. fcntl(2) F_OFD_SETLK.
package final class LifeLock: Sendable {
    private let number: Int32
    private let byte: UInt64

    /// Takes the lock on `byte` of the file that `descriptor` stands for; nil while another open file has it.
    package static func tryTake(_ descriptor: Int32, byte: UInt64) throws(SystemCallError) -> LifeLock? {
        let number = Int32(try retrying(.open) { cipc_reopen_guarded(descriptor) })
        do throws(SystemCallError) {
            guard try retryingUnlessBlocked(.fcntl, { cipc_range_lock(number, byte, 1) }) != nil else {
                cipc_close_guarded(number)
                return nil
            }
            return LifeLock(number, byte)
        } catch {
            cipc_close_guarded(number)
            throw error
        }
    }

    /// Whether some open file has the lock on `byte`. Blocks nobody.
    package static func isHeld(_ descriptor: Int32, byte: UInt64) throws(SystemCallError) -> Bool {
        try ClaimCalls.isTaken(descriptor, byte: byte)
    }

    private init(_ number: Int32, _ byte: UInt64) {
        self.number = number
        self.byte = byte
    }

    deinit {
        // In the child of a fork the number is closed, and may stand for something else by now: both calls look first.
        cipc_release_guarded(number, byte)
    }
}
