public import IPCCore
import IPCSystem

/// Room for one message in a ring, lent by ``RingChannel/loan(byteCount:until:)``: fill it, then send it.
///
/// ```swift
/// var loan = try await channel.loan(byteCount: frame.byteCount)
/// camera.capture(into: &loan)
/// try loan.send()
/// ```
///
/// Nothing is copied, so that the cost does not depend on the size; only where the peer is not trusted the bytes are put
/// together in memory of this process and copied when they are sent, because the peer could change them before. Sending
/// consumes the loan: using it afterwards does not compile. A loan that is dropped or given up (``abort()``) sends nothing.
///
/// While a loan is out, other sends on the same channel wait.
public struct RingLoan: ~Copyable, Sendable {
    /// Bytes of the message.
    public let byteCount: Int

    private let sender: RingSender
    private let room: Room
    private var isOut = true

    @safe
    private struct Room: @unchecked Sendable {
        let bytes: UnsafeMutableRawBufferPointer

        init(_ bytes: UnsafeMutableRawBufferPointer) { unsafe self.bytes = bytes }
    }

    init(_ sender: RingSender, _ room: UnsafeMutableRawBufferPointer) {
        self.sender = sender
        self.room = unsafe Room(room)
        byteCount = room.count
    }

    deinit {
        if isOut { sender.giveUp() }
    }

    /// The room, to be filled. What it holds before is undetermined: bytes of earlier messages of this end.
    public var mutableBytes: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            // SAFETY: the room is the loan's until it is sent or dropped, and the span cannot outlive the loan.
            let span = unsafe MutableRawSpan(_unsafeBytes: room.bytes)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// What was written so far.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            // SAFETY: as above.
            let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(room.bytes))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Sends the message: from here on the peer has it. Never waits.
    ///
    /// - Parameter count: how many bytes of the room are the message, all of it unless said otherwise.
    /// - Throws: `.peerClosed` when the peer is gone; `.closed`; `.invalidArgument` when `count` is more than was lent.
    ///   Nothing was sent then, and the loan is over.
    public consuming func send(byteCount count: Int? = nil) throws(IPCError) {
        let count = count ?? byteCount
        guard count >= 0 && count <= byteCount else {
            throw IPCError(.invalidArgument, "send a loan: \(count) bytes of a loan of \(byteCount)")
        }
        if sender.lock.isClosed { throw .closed("send a loan") }
        try sender.checkPeer()
        isOut = false
        sender.commit(claimed: count)
    }

    /// Gives the room back and sends nothing.
    public consuming func abort() {}
}

extension RingChannel {
    /// Lends the room of one message in the ring, in one piece; waits while there is none.
    ///
    /// - Parameters:
    ///   - byteCount: the size of the message, at most ``ringByteCount`` and the limit for messages.
    ///   - deadline: when to give up.
    /// - Throws: `.messageTooLarge` for more than that; else as `send`.
    public func loan(byteCount: Int, until deadline: Deadline = .never) async throws(IPCError) -> RingLoan {
        guard byteCount <= ringByteCount else {
            throw IPCError(
                .messageTooLarge,
                "loan: \(byteCount) bytes, and the ring has \(ringByteCount); raise ringByteCount, or use send, which "
                    + "takes what is larger apart")
        }
        if let room = try unsafe sender.tryClaim(byteCount) { return unsafe RingLoan(sender, room) }
        return unsafe RingLoan(sender, try await sender.claim(byteCount, until: deadline))
    }
}
