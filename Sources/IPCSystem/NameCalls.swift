import CIPC

/// System calls on names in a directory that is held open, so that nobody can slide another directory underneath.
package enum NameCalls {
    /// openat(2), close-on-exec.
    package static func open(
        _ name: String, in directory: Int32, _ flags: FileCalls.Flags, permissions: UInt32 = 0o600
    ) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: Int32(
                try retrying(.openat) { unsafe cipc_open_at(directory, name, flags.rawValue, permissions) }))
    }

    /// fstatat(2): the file itself, not what a symbolic link points at; nil when there is none.
    package static func status(
        of name: String, in directory: Int32
    ) throws(SystemCallError) -> FileCalls.Status? {
        var found = cipc_file_status()
        do {
            _ = try retrying(.fstatat) { unsafe cipc_lstat_at(directory, name, &found) }
        } catch  where error.errno == Errno.notFound {
            return nil
        }
        return FileCalls.Status(found)
    }

    /// unlinkat(2): false when there is nothing of that name.
    package static func unlink(_ name: String, in directory: Int32) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying(.unlinkat) { unsafe cipc_unlink_at(directory, name) }
            return true
        } catch  where error.errno == Errno.notFound {
            return false
        }
    }

    /// chmod of what a descriptor opened with `.pathOnly` stands for. fchmodat2(2), else through /proc.
    package static func setPermissions(
        ofPathDescriptor number: Int32, _ permissions: UInt32
    ) throws(SystemCallError) {
        _ = try retrying(.fchmodat2) { cipc_chmod_path_descriptor(number, permissions) }
    }

    /// flock(2) with LOCK_UN: releases the lock for every duplicate of `number`.
    package static func unlock(_ number: Int32) throws(SystemCallError) {
        _ = try retrying(.flock) { cipc_unlock(number) }
    }
}
