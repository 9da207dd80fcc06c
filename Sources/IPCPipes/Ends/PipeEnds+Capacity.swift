public import IPCCore
import IPCSystem

extension PipeReader {
    /// How many bytes the pipe holds when it is full. fcntl(2) F_GETPIPE_SZ.
    ///
    /// - Throws: `.closed`; `.invalidArgument` when this is no pipe.
    public var capacity: Int {
        get throws(IPCError) { try receiver.stream.capacity }
    }

    /// Asks for another capacity in bytes; the kernel rounds it up to a power of two of pages. fcntl(2) F_SETPIPE_SZ.
    ///
    /// - Returns: what the pipe has now.
    /// - Throws: `.permissionDenied` above /proc/sys/fs/pipe-max-size without privilege; `.resourceExhausted` when what
    ///   waits in the pipe does not fit; `.closed`; `.invalidArgument` when this is no pipe.
    @discardableResult
    public func setCapacity(_ byteCount: Int) throws(IPCError) -> Int { try receiver.stream.setCapacity(byteCount) }

    /// How many bytes wait in the kernel, headers of messages among them. What this reader has taken out and not yet
    /// delivered is not counted. ioctl(2) FIONREAD.
    ///
    /// - Throws: `.closed`.
    public var bytesAvailable: Int {
        get throws(IPCError) { try receiver.stream.bytesAvailable }
    }
}

extension PipeWriter {
    /// How many bytes the pipe holds when it is full. fcntl(2) F_GETPIPE_SZ.
    ///
    /// - Throws: `.closed`, also after `finish`; `.invalidArgument` when this is no pipe.
    public var capacity: Int {
        get throws(IPCError) { try sender.stream.capacity }
    }

    /// Asks for another capacity in bytes. See ``PipeReader/setCapacity(_:)``.
    ///
    /// - Returns: what the pipe has now.
    @discardableResult
    public func setCapacity(_ byteCount: Int) throws(IPCError) -> Int { try sender.stream.setCapacity(byteCount) }

    /// How many bytes wait in the kernel for the reader, headers of messages among them. ioctl(2) FIONREAD.
    ///
    /// - Throws: `.closed`, also after `finish`.
    public var bytesAvailable: Int {
        get throws(IPCError) { try sender.stream.bytesAvailable }
    }
}

extension StreamDescriptor {
    fileprivate var capacity: Int {
        get throws(IPCError) {
            try withNumber("ask for the capacity of a pipe") { number throws(IPCError) in
                try mapping("ask for the capacity of a pipe") { () throws(SystemCallError) in
                    try DescriptorCalls.pipeCapacity(number)
                }
            }
        }
    }

    fileprivate func setCapacity(_ byteCount: Int) throws(IPCError) -> Int {
        try withNumber("set the capacity of a pipe") { number throws(IPCError) in
            do throws(SystemCallError) {
                return try DescriptorCalls.setPipeCapacity(number, byteCount)
            } catch {
                guard error.errno == Errno.busy else {
                    throw IPCError(error, "set the capacity of a pipe to \(byteCount) bytes")
                }
                throw IPCError(
                    .resourceExhausted,
                    "set the capacity of a pipe to \(byteCount) bytes: more than that waits in it; read first",
                    object: nil, systemCall: error.call.rawValue, errno: error.errno)
            }
        }
    }

    fileprivate var bytesAvailable: Int {
        get throws(IPCError) {
            try withNumber("ask how much waits in a pipe") { number throws(IPCError) in
                try mapping("ask how much waits in a pipe") { () throws(SystemCallError) in
                    try DescriptorCalls.bytesAvailable(number)
                }
            }
        }
    }
}
