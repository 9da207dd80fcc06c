/// What a case needs of a transport.
enum Need: Sendable {
    case link
    case losslessness
    case order
    case boundaries
    case deathDetection
    /// A largest message that a test can afford.
    case limit
    /// A buffer of a few messages, so that one task can send and then receive.
    case room
    case wire
    case peer
    case duplex
    /// A peer that can write raw bytes.
    case rawPeer

    /// Why the transport cannot be tested on this; nil if it can.
    func reasonAgainst(_ transport: ConformanceTransport) -> String? {
        let guarantees = transport.guarantees
        switch self {
        case .link: return guarantees.topology == .link ? nil : "a queue has no peer"
        case .losslessness: return guarantees.isLossless ? nil : "messages may be lost"
        case .order: return guarantees.isOrdered ? nil : "messages may overtake each other"
        case .boundaries: return guarantees.preservesBoundaries ? nil : "a stream has no boundaries"
        case .deathDetection: return guarantees.detectsPeerDeath ? nil : "the peer's end is not seen"
        case .limit:
            return guarantees.maximumMessageSize <= ConformanceSuite.largestTestedMessage
                ? nil : "the largest message is above \(ConformanceSuite.largestTestedMessage) bytes"
        case .room: return guarantees.messageCapacity ?? .max >= 4 ? nil : "fewer than 4 messages have room"
        case .wire: return transport.wire == nil ? "no wire format is described" : nil
        case .peer: return transport.remote == nil ? "no way to another process is described" : nil
        case .duplex: return guarantees.direction == .both ? nil : "messages go one way"
        case .rawPeer: return transport.remote?.openRaw == nil ? "no raw peer is described" : nil
        }
    }
}
