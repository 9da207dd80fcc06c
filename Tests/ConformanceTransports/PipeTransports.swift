import IPCPipes
import IPCSystem
public import IPCTestKit

/// The pipes, as the conformance suite sees them.
extension ConformanceTransport {
    private static let pipeLimit = 200_000

    /// Messages both ways over two pipes.
    public static var pipeChannel: ConformanceTransport {
        let options = PipeOptions(maximumMessageSize: pipeLimit)
        var transport = ConformanceTransport(
            "pipe channel", guarantees: ChannelGuarantees(maximumMessageSize: pipeLimit)
        ) {
            let (near, far) = try PipeChannel.makePair(options: options)
            return ConformancePair(near, far)
        }
        transport.wire = rawPipe(options)
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let there = try DescriptorCalls.makePipe()
                let back = try DescriptorCalls.makePipe()
                let near = PipeChannel(
                    reader: try PipeReader(OwnedDescriptor(owning: back.reading), options),
                    writer: try PipeWriter(OwnedDescriptor(owning: there.writing), options))
                let far = [there.reading, back.writing].map { PassedDescriptor(owning: $0) }
                return (ConformanceEnds(near), TransferredDescriptors(descriptors: far))
            },
            openEnd: { transferred in
                ConformanceEnds(
                    PipeChannel(
                        reader: try PipeReader(try transferred.takeDescriptor(0), options),
                        writer: try PipeWriter(try transferred.takeDescriptor(1), options)))
            },
            openRaw: { try await $0.writeRaw($1, to: 1) })
        return transport
    }

    /// Messages one way, from one writer.
    public static var pipeMessages: ConformanceTransport {
        oneWay(
            "pipe of messages", PipeOptions(maximumMessageSize: pipeLimit),
            ChannelGuarantees(direction: .sends, maximumMessageSize: pipeLimit))
    }

    /// Messages one way, in a format that any number of writers share.
    public static var pipeOfManyWriters: ConformanceTransport {
        oneWay(
            "pipe of messages from many writers", PipeOptions(framing: .messagesFromManyWriters),
            ChannelGuarantees(direction: .sends, maximumMessageSize: 4064))
    }

    /// Bytes as they are.
    public static var pipeBytes: ConformanceTransport {
        var transport = oneWay(
            "pipe of bytes", PipeOptions(framing: .bytes, maximumMessageSize: pipeLimit),
            ChannelGuarantees(
                direction: .sends, preservesBoundaries: false, tellsFinishFromDeath: false,
                maximumMessageSize: pipeLimit))
        transport.wire = nil
        for topic: ConformanceTopic in [.boundaries, .emptyMessage, .largestMessage, .concurrentReceivers] {
            transport.declined[topic] = "a stream of bytes has no messages"
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput, .remoteCutFrames] {
            transport.declined[topic] = "a stream of bytes has no frames"
        }
        return transport
    }

    private static func oneWay(
        _ name: String, _ options: PipeOptions, _ guarantees: ChannelGuarantees
    ) -> ConformanceTransport {
        var transport = ConformanceTransport(name, guarantees: guarantees) {
            let (reader, writer) = try AnonymousPipe.make(options: options)
            return ConformancePair(sender: writer, receiver: reader)
        }
        transport.declined[.remoteEcho] = "the peer cannot answer"
        transport.wire = rawPipe(options)
        transport.remote = remoteOneWay(options)
        return transport
    }

    private static func remoteOneWay(_ options: PipeOptions) -> ConformanceRemote {
        let farWrites: UInt8 = 1
        return ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { direction in
                let ends = try DescriptorCalls.makePipe()
                if direction == .receives {
                    let reader = try PipeReader(OwnedDescriptor(owning: ends.reading), options)
                    let far = PassedDescriptor(owning: ends.writing)
                    return (
                        ConformanceEnds(receiving: reader),
                        TransferredDescriptors(descriptors: [far], state: [farWrites])
                    )
                }
                let writer = try PipeWriter(OwnedDescriptor(owning: ends.writing), options)
                let far = PassedDescriptor(owning: ends.reading)
                return (ConformanceEnds(sending: writer), TransferredDescriptors(descriptors: [far]))
            },
            openEnd: { transferred in
                transferred.state == [farWrites]
                    ? ConformanceEnds(sending: try PipeWriter(try transferred.takeDescriptor(0), options))
                    : ConformanceEnds(receiving: try PipeReader(try transferred.takeDescriptor(0), options))
            },
            openRaw: { try await $0.writeRaw($1, to: 0) })
    }

    private static func rawPipe(_ options: PipeOptions) -> ConformanceWire {
        StreamWire.make {
            let ends = try DescriptorCalls.makePipe()
            let reader = try PipeReader(OwnedDescriptor(owning: ends.reading), options)
            let writer = RawWriter(owning: ends.writing)
            return ConformanceWire.RawPair(
                end: ConformanceEnds(receiving: reader), write: { try await writer.write($0) }, die: { writer.die() })
        }
    }
}
