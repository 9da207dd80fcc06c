public import IPCCore
import IPCSystem

/// Messages both ways through memory that two processes share.
///
/// ```swift
/// let channel = try await RingChannel.connect(to: .unix(name: "prices.sock"))
/// try await channel.send(byteCount: 16) { $0.append(price, as: UInt64.self) }
/// let answer = try await channel.receive { [UInt8]($0) }
/// ```
///
/// No system call is made as long as nobody has to sleep. One ring for each direction: a message of up to 56 bytes lies in
/// one cache line together with the word that commits it; larger ones lie whole and in one piece in the ring, and those
/// that are larger than the ring go through it in fragments. ``loan(byteCount:until:)`` lends the room of a message, so
/// that its cost does not depend on its size.
///
/// A Unix socket connects the two processes. It carries nothing, but its hang-up tells of the peer's death at once. See
/// ``RingTrust`` for what a peer can do and what it cannot. memfd_create(2), eventfd(2).
public final class RingChannel: Channel, ByteReceiveChannel, ByteSendChannel {
    /// The bytes of one message.
    public typealias Inbound = [UInt8]
    /// The bytes of one message.
    public typealias Outbound = [UInt8]

    /// Who is at the other end: the process that called connect(2) or listen(2); for a pair, the one that made it.
    public let peer: PeerCredentials

    let link: RingLink
    @usableFromInline package let receiver: RingReceiver
    @usableFromInline package let sender: RingSender

    init(_ link: RingLink, _ receiver: RingReceiver, _ sender: RingSender, peer: PeerCredentials) {
        self.link = link
        self.receiver = receiver
        self.sender = sender
        self.peer = peer
    }

    deinit { close() }

    /// An ordered, lossless link that preserves boundaries and tells a finish from a death.
    public var guarantees: ChannelGuarantees {
        ChannelGuarantees(maximumMessageSize: sender.maximumMessageSize)
    }

    /// Bytes for messages in each direction. A loan is at most as large.
    public var ringByteCount: Int { Int(sender.lane.dataByteCount) }

    /// Whether the peer is trusted. What is changed holds for the messages that come, and go, afterwards.
    public var trust: RingTrust {
        get { link.trust }
        set { link.trust = newValue }
    }

    // MARK: Receiving

    /// Waits for a message; nil when the peer has finished. See ``ReceiveChannel/receive(until:)``.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        let found = try receiver.tryBegin(copiesOut: false, spinning: true)
        if found == nil {
            guard try await receiver.begin(until: deadline, copiesOut: false, hasSpun: true) else { return nil }
        } else if found == false {
            return nil
        }
        defer { receiver.end() }
        return receiver.messageCopy
    }

    /// The next message if one is there.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> { try receiver.tryReceive() }

    /// Waits for a message and lets `body` read it: where it lies in the ring if the peer is trusted, else a copy. See
    /// ``ByteReceiveChannel/receive(until:_:)``.
    @inlinable
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        do throws(IPCError) {
            let found = try receiver.tryBegin(copiesOut: true, spinning: true)
            if found == nil {
                guard try await receiver.begin(until: deadline, copiesOut: true, hasSpun: true) else { return nil }
            } else if found == false {
                return nil
            }
        } catch {
            throw .channel(error)
        }
        defer { receiver.end() }
        do throws(Failure) {
            return try receiver.withMessage(body)
        } catch {
            throw .body(error)
        }
    }

    /// Lets `body` read a message in place if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        try receiver.tryReceive(body)
    }

    /// Waits for at least one message and hands over those that have arrived. See
    /// ``ByteReceiveChannel/receive(upTo:until:into:)``.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        try await receiver.receive(upTo: maximumCount, until: deadline, into: body)
    }

    // MARK: Sending

    /// Sends one message; waits while the ring has no room for it. See ``SendChannel/send(_:until:)``.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe send(message.span.bytes, until: deadline)
    }

    /// Sends the bytes as one message. See ``ByteSendChannel/send(_:until:)``.
    @inlinable
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        if try sender.trySend(bytes) { return }
        try await sender.send(bytes, until: deadline)
    }

    /// Sends one message that `body` writes into the ring itself if the peer is trusted and it fits. See
    /// ``ByteSendChannel/send(byteCount:until:initializingWith:)``.
    @inlinable
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        let room: UnsafeMutableRawBufferPointer
        do throws(IPCError) {
            if let claimed = try unsafe sender.tryClaim(byteCount) {
                unsafe room = claimed
            } else {
                unsafe room = try await sender.claim(byteCount, until: deadline)
            }
        } catch {
            throw .channel(error)
        }
        // SAFETY: the room is this call's until it commits or gives up, and `finalize` ends the span before that.
        var span = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        do throws(Failure) {
            try body(&span)
        } catch {
            sender.giveUp()
            throw .body(error)
        }
        let written = unsafe span.finalize(for: room)
        if sender.fits(written) { return sender.commit(claimed: written) }
        do throws(IPCError) {
            try await sender.sendClaimed(written, until: deadline)
        } catch {
            throw .channel(error)
        }
    }

    /// Sends `bytes` cut into messages, and wakes the peer once. See
    /// ``ByteSendChannel/send(contentsOf:messageSize:until:)``.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await sender.send(contentsOf: bytes, messageSize: messageSize, until: deadline)
    }

    /// Sends each element as one message, and wakes the peer once. See ``ByteSendChannel/send(contentsOf:until:)``.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await sender.send(contentsOf: messages, until: deadline)
    }

    /// Sends one message if there is room for it now; false when `send` would wait, and for a message that is larger than
    /// the ring. What the peer has read may count as unread for a while: see ``RingOptions/ringByteCount``.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        try unsafe sender.trySend(message.span.bytes)
    }

    /// Sends the bytes as one message if there is room for it now; false when `send` would wait, and for a message that is
    /// larger than the ring.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try sender.trySend(bytes) }

    /// Ends the sending direction: the peer's `receive` returns nil after the last message. Receiving goes on.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sender.finish(until: deadline)
    }

    // MARK: The end

    /// Closes both directions. The peer receives what was sent, and then `.peerClosed` unless this end had finished.
    public func close() {
        guard !sender.lock.isClosed else { return }
        link.sayClosed()
        // Closed first, so that who waits here hears of that and not of the hang-up.
        sender.close()
        receiver.close()
        link.hangUp()
    }
}
