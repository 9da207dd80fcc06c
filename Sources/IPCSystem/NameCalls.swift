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

    /// open(2) with O_TMPFILE: a file without a name in a folder. nil where the file system has none of those.
    package static func makeUnnamed(in folder: String, permissions: UInt32) throws(SystemCallError) -> OwnedDescriptor?
    {
        do {
            return OwnedDescriptor(
                owning: Int32(try retrying(.open) { unsafe cipc_open_unnamed(folder, permissions) }))
        } catch  where error.errno == Errno.notSupported || error.errno == Errno.isDirectory {
            return nil
        }
    }

    /// linkat(2): gives a file without a name one; false when something has it.
    package static func giveName(_ number: Int32, _ path: String) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying(.linkat) { unsafe cipc_give_name(number, path) }
            return true
        } catch  where error.errno == Errno.exists {
            return false
        }
    }

    /// link(2): a second name; false when something has it.
    package static func link(_ from: String, _ to: String) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying(.linkat) { unsafe cipc_link(from, to) }
            return true
        } catch  where error.errno == Errno.exists {
            return false
        }
    }
}
