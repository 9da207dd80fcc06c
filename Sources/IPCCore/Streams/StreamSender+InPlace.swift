/// Messages that the caller writes where they are sent from.
extension StreamSender {
    /// Sends what `body` writes into `byteCount` bytes. See `ByteSendChannel`.
    package func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        guard byteCount >= 0 && byteCount <= options.maximumMessageSize else {
            throw .channel(
                IPCError(
                    byteCount < 0 ? .invalidArgument : .messageTooLarge,
                    "send: the message has \(byteCount) bytes and the limit is \(options.maximumMessageSize)"))
        }
        let isPooled = byteCount <= BatchBuffers.byteCount
        let buffer =
            unsafe isPooled
            ? BatchBuffers.shared.take()
            : UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer {
            if isPooled { unsafe BatchBuffers.shared.give(buffer) } else { unsafe buffer.deallocate() }
        }
        // SAFETY: the span covers memory that nobody else has until the deferred return, and `finalize` ends it.
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
        var span = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        do throws(Failure) {
            try body(&span)
        } catch {
            throw .body(error)
        }
        let written = unsafe span.finalize(for: room)
        do throws(IPCError) {
            try await send(
                unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: room[..<written])), until: deadline)
        } catch {
            throw .channel(error)
        }
    }
}
