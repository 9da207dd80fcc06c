public import IPCCore
import IPCSystem

extension NamedPipe {
    /// When the reader of a FIFO sees the end of its input.
    public enum EndOfInput: Sendable, Hashable {
        /// When the last writer has left: `receive` returns nil, or throws `.peerClosed` if a writer of messages left
        /// without `finish`. Before the first writer there is no end: `receive` waits. Once it was seen the end is final
        /// for this reader; open another one (before closing this one, so that nothing is lost) to go on.
        case whenLastWriterLeaves
        /// Never: the reader counts as a writer itself, so the FIFO outlives its writers. For a server whose clients come
        /// and go. Neither the end nor the death of writers is seen (`ChannelGuarantees.Topology.queue`). Needs
        /// permission to read and to write.
        case never
    }

    /// Opens the FIFO for reading, at once: whether anyone writes is not waited for. open(2) with O_NONBLOCK.
    ///
    /// - Throws: `.permissionDenied`; `.invalidArgument` for `.never` with ``PipeFraming/messages``, which is for one
    ///   writer that ends; `.resourceExhausted` when no descriptor is free.
    public func openReader(
        options: PipeOptions = PipeOptions(), endOfInput: EndOfInput = .whenLastWriterLeaves
    ) throws(IPCError) -> PipeReader {
        guard endOfInput == .whenLastWriterLeaves || options.framing != .messages else {
            throw IPCError(
                .invalidArgument,
                "open a FIFO for reading: messages of one writer end with it; use .messagesFromManyWriters or .bytes",
                object: path)
        }
        let flags: FileCalls.Flags = endOfInput == .never ? [.readWrite, .nonblocking] : [.readOnly, .nonblocking]
        let path = path
        let inodePath = inodePath
        let opened = try mapping("open a FIFO for reading", object: path) { () throws(SystemCallError) in
            try FileCalls.open(inodePath, flags)
        }
        try options.apply(to: opened.number)
        return try PipeReader(
            opened, options, mayLackWriter: endOfInput == .whenLastWriterLeaves, isOurs: false,
            topology: endOfInput == .never ? .queue : .link, name: self)
    }

    /// Opens the FIFO for writing if somebody reads from it now.
    ///
    /// - Returns: nil when nobody does.
    /// - Throws: `.permissionDenied`; `.resourceExhausted` when no descriptor is free.
    public func tryOpenWriter(options: PipeOptions = PipeOptions()) throws(IPCError) -> PipeWriter? {
        let opened: OwnedDescriptor
        do throws(SystemCallError) {
            opened = try FileCalls.open(inodePath, [.writeOnly, .nonblocking])
        } catch {
            if error.errno == Errno.noSuchDevice { return nil }
            throw IPCError(error, "open a FIFO for writing", object: path)
        }
        try options.apply(to: opened.number)
        return try PipeWriter(opened, options, name: self)
    }

    /// Opens the FIFO for writing; suspends until somebody reads from it.
    ///
    /// A reader of this library, or any that opens without blocking, is noticed at once (inotify(7)). One that blocks in
    /// open(2), such as a shell's `cat`, is announced by the kernel to nobody: it is looked for at growing intervals of
    /// at most 40 milliseconds. Waiting has no effect on others: it neither lets a blocked writer go nor shows this
    /// process as a reader or writer.
    ///
    /// - Throws: `.timedOut`, `.cancelled`; `.removed` when the name is removed or replaced while nobody reads;
    ///   `.permissionDenied`; `.resourceExhausted`.
    public func openWriter(
        options: PipeOptions = PipeOptions(), until deadline: Deadline = .never
    ) async throws(IPCError) -> PipeWriter {
        if let writer = try tryOpenWriter(options: options) { return writer }
        var arrival = try ReaderArrival(inodePath)
        while true {
            arrival.drain()
            // The watch is in place by now: a reader that came before it is found here, one that comes later is heard.
            if let writer = try tryOpenWriter(options: options) { return writer }
            guard isInPlace else {
                throw IPCError(
                    .removed, "open a FIFO for writing: it was removed while nobody read from it; open the new one",
                    object: path)
            }
            try await arrival.wait(until: deadline)
        }
    }
}
