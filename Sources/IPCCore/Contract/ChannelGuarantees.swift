/// What a channel promises. The conformance suite reads it and tests just that.
public struct ChannelGuarantees: Sendable, Hashable {
    /// What stands between the two sides.
    public enum Topology: Sendable, Hashable {
        /// Two ends: finish and death of the peer are seen.
        case link
        /// A place that any number of handles use: `finish` ends this handle's sending alone; no end and no peer's death
        /// are promised.
        case queue
    }

    /// Which ways messages go through this end.
    public enum Direction: Sendable, Hashable {
        /// Out only.
        case sends
        /// In only.
        case receives
        /// Both ways.
        case both
    }

    /// What stands between the two sides.
    public var topology: Topology
    /// Which ways messages go through this end.
    public var direction: Direction
    /// Whether each sender's messages arrive in the order in which it sent them.
    public var isOrdered: Bool
    /// Whether a message arrives as it was sent: neither cut nor joined with its neighbours. Raw byte streams do not.
    public var preservesBoundaries: Bool
    /// Whether every message that was sent arrives as long as the peer lives and receives.
    public var isLossless: Bool
    /// Whether the death of the peer ends `receive` and `send` by itself.
    public var detectsPeerDeath: Bool
    /// Whether the receiver can tell a peer that finished from one that died.
    public var tellsFinishFromDeath: Bool
    /// The largest message in bytes.
    public var maximumMessageSize: Int
    /// How many messages the channel holds without a receiver, where it counts messages; nil where it counts bytes.
    public var messageCapacity: Int?

    /// The guarantees of an ordered, lossless link with boundaries; change what differs.
    public init(
        topology: Topology = .link,
        direction: Direction = .both,
        isOrdered: Bool = true,
        preservesBoundaries: Bool = true,
        isLossless: Bool = true,
        detectsPeerDeath: Bool = true,
        tellsFinishFromDeath: Bool = true,
        maximumMessageSize: Int,
        messageCapacity: Int? = nil
    ) {
        self.topology = topology
        self.direction = direction
        self.isOrdered = isOrdered
        self.preservesBoundaries = preservesBoundaries
        self.isLossless = isLossless
        self.detectsPeerDeath = detectsPeerDeath
        self.tellsFinishFromDeath = tellsFinishFromDeath
        self.maximumMessageSize = maximumMessageSize
        self.messageCapacity = messageCapacity
    }
}
