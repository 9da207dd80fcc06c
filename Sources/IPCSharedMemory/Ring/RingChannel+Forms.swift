public import IPCCore
import IPCSystem

/// The forms of receiving and sending whose closure does not throw, or that have no deadline.
///
/// The protocols have them for every channel, by a call within a call. Each `await` of such a chain costs a look at the
/// task's executor, which is more than the rest of a message here.
extension RingChannel {
    /// Waits for a message and lets `body`, which does not throw, read it. See ``ByteReceiveChannel/receive(until:_:)``.
    @inlinable
    public func receive<Result>(
        until deadline: Deadline = .never, _ body: (RawSpan) -> Result
    ) async throws(IPCError) -> Result? {
        let found = try receiver.tryBegin(copiesOut: true, spinning: true)
        if found == nil {
            guard try await receiver.begin(until: deadline, copiesOut: true, hasSpun: true) else { return nil }
        } else if found == false {
            return nil
        }
        defer { receiver.end() }
        return receiver.withMessage(body)
    }

    /// Sends one message that `body`, which does not throw, writes in place. See
    /// ``ByteSendChannel/send(byteCount:until:initializingWith:)``.
    @inlinable
    public func send(
        byteCount: Int, until deadline: Deadline = .never, initializingWith body: (inout OutputRawSpan) -> Void
    ) async throws(IPCError) {
        let room: UnsafeMutableRawBufferPointer
        if let claimed = try unsafe sender.tryClaim(byteCount) {
            unsafe room = claimed
        } else {
            unsafe room = try await sender.claim(byteCount, until: deadline)
        }
        // SAFETY: the room is this call's until it commits, and `finalize` ends the span before that.
        var span = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        body(&span)
        let written = unsafe span.finalize(for: room)
        if sender.fits(written) { return sender.commit(claimed: written) }
        try await sender.sendClaimed(written, until: deadline)
    }

    /// Sends the bytes as one message, without a deadline. See ``ByteSendChannel/send(_:until:)``.
    @inlinable
    public func send(_ bytes: RawSpan) async throws(IPCError) {
        if try sender.trySend(bytes) { return }
        try await sender.send(bytes, until: .never)
    }
}
