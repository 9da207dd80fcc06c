import IPCTestKit
import TestSupport
import Testing

/// The in-process pair keeps the contract.
@Suite(.serialized, .watched) struct InProcessConformanceTests {
    @Test(arguments: ConformanceSuite.cases(for: .inProcess()))
    func conforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    /// A pair without a buffer hands each message over from hand to hand.
    @Test(arguments: ConformanceSuite.cases(for: .inProcess(capacity: 0)))
    func conformsWithoutCapacity(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    /// Where there is no peer, what is promised of a queue holds.
    @Test(arguments: ConformanceSuite.cases(for: .queue))
    func queueConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }
}

extension ConformanceTransport {
    static func inProcess(capacity: Int = 16) -> ConformanceTransport {
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
}
