import CIPC

/// Locks on ranges of a file that belong to an open file: fcntl(2) F_OFD_SETLK.
package enum FileRangeCalls {
    package enum Mode: Int32, Sendable { case unlocked = 0, shared = 1, exclusive = 2 }

    /// What stands in the way of a lock.
    package struct Conflict: Sendable {
        package let mode: Mode
        /// nil for a lock that belongs to an open file: the kernel does not say which process has it.
        package let process: Int32?
        package let start: UInt64
        /// 0: to the end of the file.
        package let count: UInt64
    }

    /// Another open file of what `number` stands for, for reading and writing, which the child of a fork finds closed.
    ///
    /// Unlike an `OwnedDescriptor` it is closed with ``closeGuarded(_:)``.
    package static func reopenGuarded(_ number: Int32) throws(SystemCallError) -> Int32 {
        Int32(try retrying(.open) { cipc_reopen_guarded(number) })
    }

    package static func closeGuarded(_ number: Int32) { cipc_close_guarded(number) }

    /// Sets the mode of a range; false while somebody else has a lock that excludes it. 0 bytes: to the end of the file.
    package static func trySet(
        _ number: Int32, _ mode: Mode, start: UInt64, count: UInt64
    ) throws(SystemCallError) -> Bool {
        try retryingUnlessBlocked(.fcntl) { cipc_file_range_set(number, mode.rawValue, start, count, 0) } != nil
    }

    /// The same, and waits for it: blocks the thread.
    package static func set(_ number: Int32, _ mode: Mode, start: UInt64, count: UInt64) throws(SystemCallError) {
        _ = try retrying(.fcntl) { cipc_file_range_set(number, mode.rawValue, start, count, 1) }
    }

    /// What would stand in the way of a lock of this mode; nil when nothing does. F_OFD_GETLK.
    package static func conflict(
        _ number: Int32, _ mode: Mode, start: UInt64, count: UInt64
    ) throws(SystemCallError) -> Conflict? {
        var found = cipc_file_range_conflict()
        _ = try retrying(.fcntl) { unsafe cipc_file_range_test(number, mode.rawValue, start, count, &found) }
        guard let mode = Mode(rawValue: found.mode), mode != .unlocked else { return nil }
        return Conflict(
            mode: mode, process: found.process > 0 ? found.process : nil, start: found.start, count: found.count)
    }
}
