import IPCCore

/// Whether the process at the other end of a ring is believed to keep to the protocol.
///
/// Either way nothing that it writes can crash this process, make it read outside of the ring, or take memory beyond the
/// limit. What differs is who may look at a message while it still lies in memory that the peer can write.
public enum RingTrust: Sendable, Hashable {
    /// Messages are read and written where they lie. A peer that breaks the protocol could change a message while it is
    /// read, so a check that was made may not hold any more. For this program's own children, and within one process.
    case trusted
    /// Messages are copied out of the ring before anyone looks at them, and into it after they are complete.
    case untrusted
}

/// Whether an end of a ring looks again for a few microseconds before it sleeps.
public enum RingSpin: Sendable, Hashable {
    /// As long as that pays off, and where there is a second processor.
    case adaptive
    /// Never: a wait costs no processor time, and a wake-up its full price.
    case never

    /// How long to look, in nanoseconds: more than a wake-up across processors takes (40 to 60 microseconds were seen in a
    /// virtual machine). With less, two ends of a stream that once both slept would wake each other for ever, because the one
    /// gives up before the other is awake.
    static let limit: UInt64 = 100_000
}

/// How large a ring is, what goes through it, and how its ends behave.
public struct RingOptions: Sendable, Hashable {
    /// Bytes for messages in each direction: a power of two from 4 KiB to 1 GiB, 256 KiB unless said otherwise. Messages
    /// of up to 56 bytes lie elsewhere and take none of it. As long as the receiver has more to read, up to an eighth that
    /// it has read counts as unread: it gives room back once for many messages. The side that makes the memory decides.
    public var ringByteCount: Int
    /// The largest message in bytes, 16 MiB unless said otherwise. Messages that are larger than the ring go through it
    /// in fragments.
    public var maximumMessageSize: Int
    /// Whether the peer is trusted. nil, the usual: in one process it is, and through a listener it is not.
    public var trust: RingTrust?
    /// Whether this end looks again before it sleeps.
    public var spin: RingSpin

    /// Options with the usual limits.
    public init(
        ringByteCount: Int = 256 << 10, maximumMessageSize: Int = 16 << 20, trust: RingTrust? = nil,
        spin: RingSpin = .adaptive
    ) {
        self.ringByteCount = ringByteCount
        self.maximumMessageSize = maximumMessageSize
        self.trust = trust
        self.spin = spin
    }

    /// Refuses what cannot be.
    func check() throws(IPCError) {
        guard RingGeometry.isPossible(dataByteCount: ringByteCount) else {
            throw IPCError(
                .invalidArgument,
                "ring options: ringByteCount is a power of two from \(RingGeometry.dataLimits.lowerBound) to "
                    + "\(RingGeometry.dataLimits.upperBound), not \(ringByteCount)")
        }
        guard maximumMessageSize > 0 else {
            throw IPCError(.invalidArgument, "ring options: maximumMessageSize must be positive")
        }
    }
}
