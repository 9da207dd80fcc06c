import IPCSharedMemory
public import IPCTestKit

/// A broadcast with one reader, as the conformance suite sees it.
extension ConformanceTransport {
    /// Nothing gets lost: the writer waits for its reader.
    public static var losslessBroadcast: ConformanceTransport {
        broadcast(
            "lossless broadcast", BroadcastOptions(delivery: .lossless(readers: 2), capacity: 1 << 18), isLossless: true
        )
    }

    /// The oldest messages go when the ring is full.
    public static var lossyBroadcast: ConformanceTransport {
        broadcast("lossy broadcast", BroadcastOptions(capacity: 1 << 18), isLossless: false)
    }

    private static func broadcast(
        _ name: String, _ options: BroadcastOptions, isLossless: Bool
    ) -> ConformanceTransport {
        var transport = ConformanceTransport(
            name,
            guarantees: ChannelGuarantees(
                direction: .sends, isLossless: isLossless, detectsPeerDeath: false,
                maximumMessageSize: options.capacity / 4 - 8)
        ) {
            let writer = try Broadcast.Writer(options: options)
            return ConformancePair(sender: writer, receiver: try writer.makeReader(from: .oldest))
        }
        for topic: ConformanceTopic in [.death, .peerGone] {
            transport.declined[topic] = "a writer does not care who reads; BroadcastTests look at its own death"
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput] {
            transport.declined[topic] = "records lie in memory; BroadcastProcessTests have a hostile writer"
        }
        for topic in ConformanceTopic.allCases where topic.rawValue.hasPrefix("remote") {
            transport.declined[topic] = "a writer is not passed on; BroadcastProcessTests have other processes"
        }
        guard !isLossless else { return transport }
        let needLosslessness: [ConformanceTopic] = [
            .order, .boundaries, .emptyMessage, .largestMessage, .tryForms, .inPlaceForms, .batchForms,
            .incomingSequence, .concurrentSenders, .concurrentReceivers, .backpressure, .cancelledSends,
            .cancelledReceives, .expiredSends, .expiredReceives, .passedDeadlines, .independence, .manyChannels,
        ]
        for topic in needLosslessness { transport.declined[topic] = "a reader that is slow misses messages" }
        return transport
    }
}
