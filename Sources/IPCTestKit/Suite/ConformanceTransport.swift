/// A transport as the conformance suite sees it: how to make channels, what they promise, and what cannot be tested.
///
/// ```swift
/// let transport = ConformanceTransport("in-process", guarantees: InProcessChannel.makePair().0.guarantees) {
///     let (near, far) = InProcessChannel.makePair(capacity: 16, maximumMessageSize: 65_536)
///     return ConformancePair(near, far)
/// }
/// @Test(arguments: ConformanceSuite.cases(for: transport))
/// func conforms(_ conformance: ConformanceCase) async throws { try await conformance.run() }
/// ```
public struct ConformanceTransport: Sendable {
    /// The name in reports, and by which a peer program finds the transport.
    public var name: String
    /// What every pair promises; ``ChannelGuarantees/direction`` is `.both` where both ends send and receive, and one of
    /// the others where messages go one way.
    public var guarantees: ChannelGuarantees
    /// Makes two connected ends in this process. The suite closes them. Keep buffers small (1 MiB at most) and the
    /// largest message between 4 KiB and 16 MiB, so that a test can fill the channel.
    public var makePair: @Sendable () async throws -> ConformancePair
    /// How messages look on the wire, for byte streams with framing.
    public var wire: ConformanceWire?
    /// How to make a channel whose other end is in another process.
    public var remote: ConformanceRemote?
    /// The topics that do not apply, each with the reason. The suite checks that the list is exact: a topic that it
    /// cannot test and that is not declared is a failure, and so is one that is declared and could be tested.
    public var declined: [ConformanceTopic: String]
    /// How long a single wait may take before it counts as lost.
    public var patience: Duration
    /// How long after a `trySend` that said no there may be room again although nobody received: a network acknowledges late.
    /// nil, the usual: full is full.
    public var settling: Duration?
    /// How long a case may take before the watchdog ends the process.
    public var watchdog: Duration
    /// The seed of everything random.
    public var seed: UInt64

    /// A transport of this name; change the other properties as needed.
    public init(
        _ name: String, guarantees: ChannelGuarantees, declined: [ConformanceTopic: String] = [:],
        makePair: @escaping @Sendable () async throws -> ConformancePair
    ) {
        self.name = name
        self.guarantees = guarantees
        self.declined = declined
        self.makePair = makePair
        patience = .seconds(30)
        watchdog = .seconds(240)
        seed = 0x5EED
    }
}

extension ConformanceTransport: CustomStringConvertible {
    /// Its name.
    public var description: String { name }
}
