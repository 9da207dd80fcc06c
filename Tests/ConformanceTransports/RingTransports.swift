import IPCSharedMemory
public import IPCTestKit

/// The rings, as the conformance suite sees them.
extension ConformanceTransport {
    /// A ring whose peers trust each other: messages are read where they lie.
    public static var ring: ConformanceTransport { ring("ring", .trusted) }

    /// A ring whose peers do not trust each other: messages are copied out first.
    public static var untrustedRing: ConformanceTransport { ring("ring between strangers", .untrusted) }

    private static func ring(_ name: String, _ trust: RingTrust) -> ConformanceTransport {
        let limit = 200_000
        // Smaller than the largest message, so that messages go whole and in fragments.
        let options = RingOptions(ringByteCount: 64 << 10, maximumMessageSize: limit, trust: trust)
        var transport = ConformanceTransport(name, guarantees: ChannelGuarantees(maximumMessageSize: limit)) {
            let (near, far) = try RingChannel.makePair(options: options)
            return ConformancePair(near, far)
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput, .remoteCutFrames] {
            transport.declined[topic] = "there is no stream of bytes; the tests of the ring scribble on its memory"
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let (near, far) = try RingChannel.makePair(options: options)
                return (ConformanceEnds(near), try far.transfer())
            },
            openEnd: { ConformanceEnds(try RingChannel.receive($0, options: options)) })
        return transport
    }
}
