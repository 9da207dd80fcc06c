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
            let (near, far) = try PipeChannel.makePair(options)
            return ConformancePair(near, far)
        }
        transport.wire = rawPipe(options)
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
        for topic: ConformanceTopic in [.cutFrames, .hostileInput] {
            transport.declined[topic] = "a stream of bytes has no frames"
        }
        return transport
    }

    private static func oneWay(
        _ name: String, _ options: PipeOptions, _ guarantees: ChannelGuarantees
    ) -> ConformanceTransport {
        var transport = ConformanceTransport(name, guarantees: guarantees) {
            let (reader, writer) = try AnonymousPipe.make(options)
            return ConformancePair(sender: writer, receiver: reader)
        }
        transport.wire = rawPipe(options)
        return transport
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
