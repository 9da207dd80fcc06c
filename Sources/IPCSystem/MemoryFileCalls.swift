import CIPC

/// Anonymous files in memory, and mappings of them.
package enum MemoryFileCalls {
    /// memfd_create(2) and ftruncate(2): a file of `size` zero bytes, close-on-exec.
    package static func make(_ name: String, size: Int) throws(SystemCallError) -> OwnedDescriptor {
        let file = OwnedDescriptor(owning: Int32(try retrying(.memfd_create) { unsafe cipc_memory_file(name) }))
        try FileCalls.truncate(file.number, to: size)
        return file
    }

    /// mmap(2), shared: the first `size` bytes of the file, which must have them.
    package static func map(_ number: Int32, size: Int) throws(SystemCallError) -> UnsafeMutableRawBufferPointer {
        var address: UnsafeMutableRawPointer?
        _ = try retrying(.mmap) { unsafe cipc_map_shared(number, size, &address) }
        return unsafe UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    /// munmap(2).
    package static func unmap(_ mapping: UnsafeMutableRawBufferPointer) {
        // SAFETY: the caller made the mapping with `map` and uses it no more.
        let result = unsafe cipc_unmap(mapping.baseAddress!, mapping.count)
        precondition(result == 0, "a mapping was given back that is not one")
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
}

/// Leaving the process.
package enum ProcessExit {
    /// exit(3): runs what the program registered for its end and flushes its streams. It does not come back; the type
    /// does not say so, because the compiler mistreats generic callers whose end cannot be reached.
    package static func leave(_ status: Int32) { cipc_exit_process(status) }

    /// _exit(2): at once, while other threads may be anywhere.
    package static func leaveAtOnce(_ status: Int32) { cipc_exit_process_at_once(status) }
}
