/// The contract of ``Channel`` as tests that any transport can run.
///
/// The suite needs no test library: each ``ConformanceCase`` throws what is wrong.
public enum ConformanceSuite {
    /// Transports with a larger limit are not asked for their largest message.
    public static let largestTestedMessage = 64 << 20

    /// The cases for a transport: one for each topic that it promises.
    public static func cases(for transport: ConformanceTransport) -> [ConformanceCase] {
        let left = untested(transport)
        return definitions.filter { left[$0.topic] == nil && transport.declined[$0.topic] == nil }
            .map { ConformanceCase($0.topic, transport, $0.body) }
    }

    /// The topics that cannot be tested with this transport, with the reason: what ``ConformanceTransport/declined`` must
    /// list.
    public static func untested(_ transport: ConformanceTransport) -> [ConformanceTopic: String] {
        var reasons: [ConformanceTopic: String] = [:]
        for definition in definitions {
            for need in definition.needs {
                if let reason = need.reasonAgainst(transport) { reasons[definition.topic] = reason }
            }
        }
        return reasons
    }

    struct Definition: Sendable {
        let topic: ConformanceTopic
        let needs: [Need]
        let body: @Sendable (ConformanceContext) async throws -> Void

        init(
            _ topic: ConformanceTopic, _ needs: [Need],
            _ body: @escaping @Sendable (ConformanceContext) async throws -> Void
        ) {
            self.topic = topic
            self.needs = needs
            self.body = body
        }
    }

    static let definitions: [Definition] = [
        Definition(.declarations, [], CoexistenceCases.declarations),
        Definition(.order, [.losslessness, .order], MessageCases.order),
        Definition(.boundaries, [.losslessness, .order, .boundaries], MessageCases.boundaries),
        Definition(.emptyMessage, [.losslessness, .order, .boundaries], MessageCases.emptyMessage),
        Definition(.largestMessage, [.losslessness, .boundaries, .limit], MessageCases.largestMessage),
        Definition(.tryForms, [.losslessness, .room], MessageCases.tryForms),
        Definition(.inPlaceForms, [.losslessness, .order, .room], FormCases.inPlace),
        Definition(.batchForms, [.losslessness, .order, .room], FormCases.batches),
        Definition(.incomingSequence, [.losslessness], FormCases.sequence),
        Definition(.concurrentSenders, [.losslessness], ConcurrencyCases.senders),
        Definition(.concurrentReceivers, [.losslessness, .boundaries], ConcurrencyCases.receivers),
        Definition(.backpressure, [.losslessness], ConcurrencyCases.backpressure),
        Definition(.cancelledSends, [.losslessness]) { try await InterruptionCases.sends(.cancellation, $0) },
        Definition(.cancelledReceives, [.losslessness]) { try await InterruptionCases.receives(.cancellation, $0) },
        Definition(.expiredSends, [.losslessness]) { try await InterruptionCases.sends(.deadline, $0) },
        Definition(.expiredReceives, [.losslessness]) { try await InterruptionCases.receives(.deadline, $0) },
        Definition(.passedDeadlines, [.losslessness, .room], InterruptionCases.passed),
        Definition(.finish, [.room], EndCases.finish),
        Definition(.death, [.link, .deathDetection, .room], EndCases.death),
        Definition(.peerGone, [.link, .deathDetection], EndCases.peerGone),
        Definition(.closeWhileWaiting, [], ConcurrencyCases.closeWhileWaiting),
        Definition(.cutFrames, [.wire], WireCases.cutFrames),
        Definition(.hostileInput, [.wire, .room], WireCases.hostileInput),
        Definition(.independence, [.losslessness, .room], CoexistenceCases.independence),
        Definition(.manyChannels, [.losslessness, .room], CoexistenceCases.many),
        Definition(.census, [.room], CoexistenceCases.census),
        Definition(.remoteEcho, [.peer, .duplex, .link, .losslessness], RemoteCases.echo),
        Definition(.remoteStream, [.peer, .losslessness], RemoteCases.stream),
        Definition(.remoteDelivery, [.peer, .losslessness], RemoteCases.delivery),
        Definition(.remoteDeath, [.peer, .link, .deathDetection, .losslessness], RemoteCases.death),
        Definition(.remoteCutFrames, [.peer, .rawPeer, .wire], RemoteCases.cutFrames),
        Definition(.remotePeerGone, [.peer, .link, .deathDetection], RemoteCases.peerGone),
    ]
}
