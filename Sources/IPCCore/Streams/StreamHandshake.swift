import Synchronization

/// Whether a peer that a listener let in has said something yet: watched by the listener, and met by the ends of the stream.
///
/// Once, and for good, it is met or it has expired.
package final class StreamHandshake: Sendable {
    private static let pending: UInt8 = 0
    private static let met: UInt8 = 1
    private static let expired: UInt8 = 2

    private let phase = Atomic<UInt8>(pending)

    package init() {}

    package var isPending: Bool { phase.load(ordering: .acquiring) == Self.pending }
    package var isExpired: Bool { phase.load(ordering: .acquiring) == Self.expired }

    /// The peer has said something, or has been spoken to.
    ///
    /// - Returns: false when that came too late.
    @discardableResult
    package func meet() -> Bool {
        let (exchanged, found) = phase.compareExchange(
            expected: Self.pending, desired: Self.met, ordering: .acquiringAndReleasing)
        return exchanged || found == Self.met
    }

    /// The time is over.
    ///
    /// - Returns: false when the peer was in time.
    package func expire() -> Bool {
        phase.compareExchange(expected: Self.pending, desired: Self.expired, ordering: .acquiringAndReleasing).exchanged
    }

    /// What `receive` throws on a connection that has expired.
    package static let failure = IPCError(
        .handshakeFailed,
        "receive: the peer did not send a whole message within the listener's handshakeDeadline, and was hung up on")
}
