import IPCPipes
import IPCSystem
public import IPCTestKit

/// Named pipes, as the conformance suite sees them: two FIFOs, opened by their names and given away to the peer.
extension ConformanceTransport {
    /// Messages both ways over two FIFOs.
    public static var namedPipes: ConformanceTransport {
        let limit = 200_000
        let options = PipeOptions(maximumMessageSize: limit)
        var transport = ConformanceTransport(
            "named pipes", guarantees: ChannelGuarantees(maximumMessageSize: limit)
        ) {
            let (near, far) = try await makeChannels(options)
            return ConformancePair(near, far)
        }
        transport.wire = StreamWire.make {
            let pipe = try makeNamedPipe()
            let reader = try pipe.openReader(options: options)
            let opened = try await pipe.openWriter(options: PipeOptions(framing: .bytes)).transfer()
            let writer = RawWriter(owning: try opened.takeDescriptor(0).release())
            return ConformanceWire.RawPair(
                end: ConformanceEnds(receiving: reader), write: { try await writer.write($0) }, die: { writer.die() })
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let (near, far) = try await makeChannels(options)
                return (ConformanceEnds(near), try far.transfer())
            },
            openEnd: { ConformanceEnds(try PipeChannel.receive($0)) },
            openRaw: { try await $0.writeRaw($1, to: 1) })
        return transport
    }

    private static func makeChannels(_ options: PipeOptions) async throws -> (PipeChannel, PipeChannel) {
        let (there, back) = (try makeNamedPipe(), try makeNamedPipe())
        let (nearReader, farReader) = (try back.openReader(options: options), try there.openReader(options: options))
        return (
            PipeChannel(reader: nearReader, writer: try await there.openWriter(options: options)),
            PipeChannel(reader: farReader, writer: try await back.openWriter(options: options))
        )
    }

    /// A FIFO under a name of its own, which goes with the ends that are opened.
    private static func makeNamedPipe() throws -> NamedPipe {
        let number = UInt64.random(in: 0 ... .max)
        return try NamedPipe("/tmp/ipc-conformance-\(ProcessFacts.processID)-\(number)", .create)
    }
}
