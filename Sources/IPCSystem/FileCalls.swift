import CIPC

/// System calls on named files.
package enum FileCalls {
    package struct Flags: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let readOnly = Flags([])
        package static let writeOnly = Flags(rawValue: CIPC_O_WRONLY)
        package static let readWrite = Flags(rawValue: CIPC_O_RDWR)
        package static let create = Flags(rawValue: cipc_o_creat)
        package static let exclusive = Flags(rawValue: cipc_o_excl)
        package static let nonblocking = Flags(rawValue: cipc_o_nonblock)
        package static let noFollow = Flags(rawValue: cipc_o_nofollow)
        package static let directory = Flags(rawValue: cipc_o_directory)
        package static let pathOnly = Flags(rawValue: cipc_o_path)
        package static let truncate = Flags(rawValue: cipc_o_trunc)
        package static let append = Flags(rawValue: cipc_o_append)
    }

    package enum Kind: Sendable, Equatable { case regular, directory, symbolicLink, fifo, socket, other }

    package struct Status: Sendable, Equatable {
        package let device: UInt64
        package let inode: UInt64
        package let size: UInt64
        /// The room that it takes in the file system, in bytes.
        package let allocatedByteCount: UInt64
        package let mode: UInt32
        package let owner: UInt32
        package let group: UInt32

        package var permissions: UInt32 { mode & 0o7777 }

        package var kind: Kind {
            switch mode & 0o170000 {
            case 0o100000: .regular
            case 0o040000: .directory
            case 0o120000: .symbolicLink
            case 0o010000: .fifo
            case 0o140000: .socket
            default: .other
            }
        }

        init(_ found: cipc_file_status) {
            (device, inode, size) = (found.device, found.inode, found.size)
            allocatedByteCount = found.allocated
            (mode, owner, group) = (found.mode, found.owner, found.group)
        }
    }

    /// open(2), close-on-exec.
    package static func open(
        _ path: String, _ flags: Flags, permissions: UInt32 = 0o600
    ) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.open) { unsafe cipc_open(path, flags.rawValue, permissions) }))
    }

    /// fstat(2).
    package static func status(of number: Int32) throws(SystemCallError) -> Status {
        var found = cipc_file_status()
        _ = try retrying(.fstat) { unsafe cipc_fstat(number, &found) }
        return Status(found)
    }

    /// lstat(2): the file itself, not what a symbolic link points at.
    package static func status(at path: String) throws(SystemCallError) -> Status {
        var found = cipc_file_status()
        _ = try retrying(.lstat) { unsafe cipc_lstat(path, &found) }
        return Status(found)
    }

    package static func unlink(_ path: String) throws(SystemCallError) {
        _ = try retrying(.unlink) { unsafe cipc_unlink(path) }
    }

    package static func rename(_ from: String, to: String) throws(SystemCallError) {
        _ = try retrying(.rename) { unsafe cipc_rename(from, to) }
    }

    package static func makeDirectory(_ path: String, permissions: UInt32) throws(SystemCallError) {
        _ = try retrying(.mkdir) { unsafe cipc_mkdir(path, permissions) }
    }

    package static func removeDirectory(_ path: String) throws(SystemCallError) {
        _ = try retrying(.rmdir) { unsafe cipc_rmdir(path) }
    }

    package static func makeFIFO(_ path: String, permissions: UInt32) throws(SystemCallError) {
        _ = try retrying(.mkfifo) { unsafe cipc_mkfifo(path, permissions) }
    }

    package static func setPermissions(_ number: Int32, _ permissions: UInt32) throws(SystemCallError) {
        _ = try retrying(.fchmod) { cipc_fchmod(number, permissions) }
    }

    package static func setPermissions(at path: String, _ permissions: UInt32) throws(SystemCallError) {
        _ = try retrying(.chmod) { unsafe cipc_chmod(path, permissions) }
    }

    package static func truncate(_ number: Int32, to size: Int) throws(SystemCallError) {
        _ = try retrying(.ftruncate) { cipc_ftruncate(number, UInt64(size)) }
    }

    /// pread(2): the bytes from `offset` on, as many as there are and at most `size`.
    package static func read(_ number: Int32, at offset: Int, size: Int) throws(SystemCallError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        let count = try retrying(.pread) {
            // SAFETY: the kernel writes at most `size` bytes into the array.
            unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe cipc_read_at(number, buffer.baseAddress!, buffer.count, UInt64(offset))
            }
        }
        bytes.removeLast(size - count)
        return bytes
    }

    /// flock(2) without waiting: false when another open file holds it.
    package static func tryLock(_ number: Int32, exclusive: Bool = true) throws(SystemCallError) -> Bool {
        try retryingUnlessBlocked(.flock) { cipc_flock(number, exclusive ? 1 : 0, 0) } != nil
    }

    /// readlink(2).
    package static func destination(of path: String) throws(SystemCallError) -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try retrying(.readlink) {
            unsafe bytes.withUnsafeMutableBytes {
                // SAFETY: readlink writes at most `count` bytes.
                unsafe cipc_readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
