public import CIPC

/// System calls on descriptors of any kind, and on files.
@usableFromInline
package enum DescriptorCalls {
    /// pipe2(2), close-on-exec and non-blocking on both ends.
    package static func makePipe() throws(SystemCallError) -> (reading: Int32, writing: Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try retrying(.pipe2) {
            unsafe withUnsafeMutableBytes(of: &ends) {
                // SAFETY: the tuple has room for the two numbers that pipe2 writes.
                unsafe cipc_pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self), 1)
            }
        }
        return (ends.0, ends.1)
    }

    /// fcntl(2) F_DUPFD_CLOEXEC: another number of the same open file, close-on-exec, which the caller owns.
    package static func duplicate(_ number: Int32) throws(SystemCallError) -> Int32 {
        Int32(try retrying(.fcntl) { cipc_duplicate(number, 3) })
    }

    /// read(2) on a non-blocking descriptor: nil when there is nothing yet, 0 at the end.
    @inlinable
    package static func read(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> Int? {
        // SAFETY: the kernel writes at most `buffer.count` bytes into memory that the caller owns.
        try retryingUnlessBlocked(.read) { unsafe cipc_read(number, buffer.baseAddress!, buffer.count) }
    }

    /// write(2) on a non-blocking descriptor, without SIGPIPE: nil when there is no room.
    @inlinable
    package static func write(_ number: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int? {
        // SAFETY: the kernel reads `bytes.count` bytes that the caller holds.
        try retryingUnlessBlocked(.write) { unsafe cipc_write(number, bytes.baseAddress!, bytes.count) }
    }

    /// One write of a short head and a body on a non-blocking pipe, without SIGPIPE: nil when there is no room.
    @inlinable
    package static func write(
        _ number: Int32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer
    ) throws(SystemCallError) -> Int? {
        // SAFETY: the shim and the kernel read the two pieces, which the caller holds.
        try retryingUnlessBlocked(.write) {
            unsafe cipc_write_gathered(number, 0, head.baseAddress!, head.count, body.baseAddress, body.count)
        }
    }

    /// fcntl(2) F_GETPIPE_SZ: the capacity of a pipe in bytes.
    package static func pipeCapacity(_ number: Int32) throws(SystemCallError) -> Int {
        try retrying(.fcntl) { cipc_get_pipe_size(number) }
    }

    /// fcntl(2) F_SETPIPE_SZ: asks for a capacity in bytes and returns what the kernel gave.
    package static func setPipeCapacity(_ number: Int32, _ byteCount: Int) throws(SystemCallError) -> Int {
        try retrying(.fcntl) { cipc_set_pipe_size(number, Int32(clamping: byteCount)) }
    }

    /// ioctl(2) FIONREAD: how many bytes wait to be read.
    package static func bytesAvailable(_ number: Int32) throws(SystemCallError) -> Int {
        try retrying(.ioctl) { cipc_bytes_available(number) }
    }

    /// Sets or clears O_NONBLOCK. The flag belongs to the open file, which other descriptors may share.
    package static func setNonblocking(_ number: Int32, _ enabled: Bool = true) throws(SystemCallError) {
        let flags = Int32(try retrying(.fcntl) { cipc_get_status_flags(number) })
        let wanted = enabled ? flags | cipc_o_nonblock : flags & ~cipc_o_nonblock
        if wanted != flags { _ = try retrying(.fcntl) { cipc_set_status_flags(number, wanted) } }
    }

    /// Sets or clears close-on-exec.
    package static func setCloseOnExec(_ number: Int32, _ enabled: Bool = true) throws(SystemCallError) {
        _ = try retrying(.fcntl) { cipc_set_close_on_exec(number, enabled ? 1 : 0) }
    }

    /// Whether `number` is an open descriptor of this process.
    package static func isOpen(_ number: Int32) -> Bool { cipc_get_descriptor_flags(number) >= 0 }

    /// Whether `number` was opened for reading and writing, as O_ACCMODE tells.
    package static func accessMode(_ number: Int32) throws(SystemCallError) -> (reads: Bool, writes: Bool) {
        let mode = try retrying(.fcntl) { cipc_get_status_flags(number) } & 3
        return (mode == 0 || mode == 2, mode == 1 || mode == 2)
    }

    /// eventfd(2), close-on-exec and non-blocking.
    package static func makeEvent() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.eventfd) { cipc_eventfd(0) }))
    }
}
