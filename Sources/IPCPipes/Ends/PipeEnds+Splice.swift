public import IPCCore

/// Moving bytes inside the kernel, without a copy into this process. For pipes whose framing is ``PipeFraming/bytes``.
///
/// A move that ends early loses nothing: `SpliceError.movedByteCount` says what has reached the target, and the rest is
/// where it was. The descriptors given stay the caller's; pipes and sockets among them become non-blocking (see
/// ``PipeReader/init(adopting:options:)``). Files are read and written at their own positions, on a thread of this library,
/// because a disk may keep it waiting.
extension PipeReader {
    /// Moves bytes to another pipe until the end of this one, or until `byteCount` have been moved. splice(2).
    ///
    /// - Returns: how many bytes were moved: fewer than `byteCount` at the end.
    /// - Throws: `SpliceError` with `.peerClosed` when nobody reads from the target, `.cancelled`, `.timedOut`,
    ///   `.closed`, `.finished`, `.invalidArgument` when an end carries messages.
    public func splice(
        to writer: PipeWriter, byteCount: Int = .max, until deadline: Deadline = .never
    ) async throws(SpliceError) -> Int {
        try await receiver.splice(to: writer.sender, upTo: byteCount, until: deadline)
    }

    /// Moves bytes to a file, a socket or a pipe until the end of this one, or until `byteCount` have been moved.
    ///
    /// - Returns: how many bytes were moved.
    /// - Throws: `SpliceError`, as for a pipe, and with `.unsupported` when the kernel cannot move bytes there (a file
    ///   opened for appending).
    public func splice(
        to descriptor: PassedDescriptor, byteCount: Int = .max, until deadline: Deadline = .never
    ) async throws(SpliceError) -> Int {
        try await receiver.splice(to: descriptor, upTo: byteCount, until: deadline)
    }

    /// Duplicates what waits in this pipe into another, without consuming it. Waits until something is there and the
    /// target has room. tee(2).
    ///
    /// To pass everything on to two pipes, repeat: `tee` to the one, then ``splice(to:byteCount:until:)-(PipeWriter,_,_)``
    /// of as many bytes to the other.
    ///
    /// - Returns: how many bytes were duplicated, at most `byteCount`; 0 at the end.
    /// - Throws: `.peerClosed` when nobody reads from the target; `.invalidArgument` when an end carries messages, or when
    ///   bytes have left the pipe and wait in this reader; `.cancelled`, `.timedOut`, `.closed`, `.finished`.
    public func tee(
        to writer: PipeWriter, byteCount: Int = 1 << 20, until deadline: Deadline = .never
    ) async throws(IPCError) -> Int {
        try await receiver.tee(to: writer.sender, upTo: byteCount, until: deadline)
    }
}

extension PipeWriter {
    /// Moves bytes from a file, a socket or a pipe into this pipe until the end there, or until `byteCount` have been
    /// moved. splice(2).
    ///
    /// - Returns: how many bytes were moved.
    /// - Throws: `SpliceError` with `.peerClosed` when nobody reads from this pipe, `.cancelled`, `.timedOut`, `.closed`,
    ///   `.finished`, `.unsupported` when the kernel cannot move bytes from there, `.invalidArgument` when this end
    ///   carries messages.
    public func splice(
        from descriptor: PassedDescriptor, byteCount: Int = .max, until deadline: Deadline = .never
    ) async throws(SpliceError) -> Int {
        try await sender.splice(from: descriptor, upTo: byteCount, until: deadline)
    }
}
