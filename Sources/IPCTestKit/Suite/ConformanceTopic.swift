/// What a case of the conformance suite is about.
public enum ConformanceTopic: String, Sendable, Hashable, CaseIterable {
    /// The guarantees that an end states are those of the description, and what is left out is declared.
    case declarations
    /// First in, first out, whole and intact.
    case order
    /// A message is neither cut nor joined with its neighbours.
    case boundaries
    /// An empty message is a message.
    case emptyMessage
    /// The largest message goes through; one byte more is refused on the way out and leaves the channel as it was.
    case largestMessage
    /// `trySend` and `tryReceive`.
    case tryForms
    /// The forms with `RawSpan` and `OutputRawSpan`, and closures that throw.
    case inPlaceForms
    /// Many messages in one call, and how many were sent when it fails.
    case batchForms
    /// The `incoming` sequence: its end, its cancellation.
    case incomingSequence
    /// Each sender's order is kept and messages never interleave.
    case concurrentSenders
    /// Receivers share the messages: each is delivered once.
    case concurrentReceivers
    /// A full channel suspends `send`, `trySend` says false, and memory stays flat.
    case backpressure
    /// Cancelling `send` at random instants neither loses nor duplicates.
    case cancelledSends
    /// Cancelling `receive` at random instants neither loses nor duplicates.
    case cancelledReceives
    /// Deadlines of `send` that pass at random instants neither lose nor duplicate.
    case expiredSends
    /// Deadlines of `receive` that pass at random instants neither lose nor duplicate.
    case expiredReceives
    /// A deadline that has passed, and a task that is cancelled already: tried once, without waiting.
    case passedDeadlines
    /// `finish`: nil after the last message, for good; no send afterwards; the other direction goes on.
    case finish
    /// The peer's end without `finish`: what was sent is delivered, then `.peerClosed`.
    case death
    /// Sending to a peer that is gone: `.peerClosed`, and the process lives.
    case peerGone
    /// Closing an end: who waits on it gets `.closed`, at once and for good.
    case closeWhileWaiting
    /// A stream that ends after each of its bytes: whole messages are delivered, a cut one is never a message.
    case cutFrames
    /// Lengths that lie, wrong magic, wrong version, garbage.
    case hostileInput
    /// One channel does not disturb another.
    case independence
    /// 1,000 open channels at once.
    case manyChannels
    /// Channels that were made, used and closed leave nothing behind.
    case census
    /// Across two processes: messages go there and come back.
    case remoteEcho
    /// Across two processes: numbered messages arrive whole, in order, and then the end.
    case remoteStream
    /// Across two processes: the peer gets everything that was sent and nothing else.
    case remoteDelivery
    /// Across two processes: SIGKILL of the peer wakes who waits, after what was sent.
    case remoteDeath
    /// Across two processes: SIGKILL of the peer after each byte of its stream.
    case remoteCutFrames
    /// Across two processes: sending to a peer that was killed.
    case remotePeerGone
}
