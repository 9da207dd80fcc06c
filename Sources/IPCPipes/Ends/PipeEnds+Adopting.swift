public import IPCCore
import IPCSystem

extension PipeReader {
    /// Reads from a descriptor that was made elsewhere: inherited, passed, or standard input. A pipe, a FIFO, a terminal
    /// or a socket; a file too, which never makes `receive` wait, except for its disk.
    ///
    /// The descriptor becomes non-blocking, and that flag belongs to the open file: every process and every duplicate
    /// that shares it sees `EAGAIN` from then on. So share a terminal or somebody else's standard input only with
    /// programs that can take it. fcntl(2) F_SETFL.
    ///
    /// - Parameters:
    ///   - descriptor: taken over, and closed with the reader. For standard input, which should stay open:
    ///     `try PassedDescriptor(duplicating: 0)`.
    ///   - options: how messages lie in the pipe; bytes, unless said otherwise.
    /// - Throws: `.invalidArgument` when it was taken before, is not open, or not open for reading.
    public convenience init(
        adopting descriptor: PassedDescriptor, options: PipeOptions = PipeOptions(framing: .bytes)
    ) throws(IPCError) {
        let number = try descriptor.takeOpen(reads: true)
        try options.apply(to: number.number)
        try self.init(number, options, isOurs: false)
    }
}

extension PipeWriter {
    /// Writes to a descriptor that was made elsewhere: inherited, passed, or standard output. See
    /// ``PipeReader/init(adopting:options:)`` for what becoming non-blocking means to others that share it.
    ///
    /// - Parameters:
    ///   - descriptor: taken over, and closed with the writer. For standard output, which should stay open:
    ///     `try PassedDescriptor(duplicating: 1)`.
    ///   - options: how messages lie in the pipe; bytes, unless said otherwise.
    /// - Throws: `.invalidArgument` when it was taken before, is not open, or not open for writing.
    public convenience init(
        adopting descriptor: PassedDescriptor, options: PipeOptions = PipeOptions(framing: .bytes)
    ) throws(IPCError) {
        let number = try descriptor.takeOpen(reads: false)
        try options.apply(to: number.number)
        try self.init(number, options)
    }
}
