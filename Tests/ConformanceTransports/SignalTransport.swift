import IPCSignals
public import IPCTestKit

/// Real-time signals, as the conformance suite sees them.
extension ConformanceTransport {
    /// Channels of 4-byte messages. Small: all of a process share one pipe.
    public static var signals: ConformanceTransport {
        let capacity = 8
        let signal = Signal.realTimeSignals[0]
        var transport = ConformanceTransport(
            "signals", guarantees: ChannelGuarantees(maximumMessageSize: 4, messageCapacity: capacity)
        ) {
            let near = try SignalChannel(on: signal, capacity: capacity)
            let far = try SignalChannel(accepting: near.invitation, capacity: capacity)
            try await far.waitUntilOpen(until: .after(.seconds(60)))
            return ConformancePair(near.bytes, far.bytes)
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput, .remoteCutFrames] {
            transport.declined[topic] = "there is no stream of bytes"
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let near = try SignalChannel(on: signal, capacity: capacity)
                return (ConformanceEnds(near.bytes), try near.invitation.transfer())
            },
            openEnd: {
                let far = try SignalChannel(accepting: try SignalInvitation.receive($0), capacity: capacity)
                return ConformanceEnds(far.bytes)
            })
        return transport
    }
}
