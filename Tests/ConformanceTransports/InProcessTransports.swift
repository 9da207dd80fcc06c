public import IPCTestKit

/// The pairs of one process, as the conformance suite sees them.
extension ConformanceTransport {
    /// Messages as values, and room for so many.
    public static func inProcess(capacity: Int = 16) -> ConformanceTransport {
        var declined: [ConformanceTopic: String] = [
            .cutFrames: "messages are values, not bytes on a wire",
            .hostileInput: "messages are values, not bytes on a wire",
        ]
        for topic in ConformanceTopic.allCases where topic.rawValue.hasPrefix("remote") {
            declined[topic] = "both ends are in one process"
        }
        if capacity < 4 {
            for topic: ConformanceTopic in [
                .tryForms, .inPlaceForms, .batchForms, .passedDeadlines, .finish, .death, .independence, .manyChannels,
                .census,
            ] {
                declined[topic] = "a rendezvous holds no messages"
            }
        }
        let maximum = 200_000
        return ConformanceTransport(
            "in-process pair of \(capacity)",
            guarantees: ChannelGuarantees(maximumMessageSize: maximum, messageCapacity: capacity), declined: declined
        ) {
            let (near, far) = InProcessChannel.makePair(capacity: capacity, maximumMessageSize: maximum)
            return ConformancePair(near, far)
        }
    }

    /// A queue: what it cannot do is left out, and the rest holds.
    public static var queue: ConformanceTransport {
        var transport = ConformanceTransport.inProcess()
        transport.name = "queue"
        transport.guarantees = transport.guarantees.ofAQueue
        transport.declined[.death] = "nobody sees who comes and goes"
        transport.declined[.peerGone] = "nobody sees who comes and goes"
        transport.makePair = {
            let (entrance, exit) = InProcessChannel.makePair(capacity: 16, maximumMessageSize: 200_000)
            return ConformancePair(QueueHandle(entrance, exit), QueueHandle(entrance, exit))
        }
        return transport
    }
}
