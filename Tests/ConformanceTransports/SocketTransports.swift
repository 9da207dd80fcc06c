import IPCSockets
import IPCSystem
public import IPCTestKit

/// The sockets, as the conformance suite sees them.
extension ConformanceTransport {
    /// Messages over a connected pair of Unix stream sockets.
    public static var socketPair: ConformanceTransport {
        let limit = 200_000
        let options = SocketOptions(maximumMessageSize: limit)
        var transport = ConformanceTransport(
            "pair of Unix stream sockets", guarantees: ChannelGuarantees(maximumMessageSize: limit)
        ) {
            let (near, far) = try SocketChannel.makePair(options: options)
            return ConformancePair(near, far)
        }
        transport.wire = StreamWire.make {
            let ends = try SocketCalls.makePair(.stream)
            let end = try SocketChannel(OwnedDescriptor(owning: ends.0), options)
            let writer = RawWriter(owning: ends.1)
            return ConformanceWire.RawPair(
                end: ConformanceEnds(end), write: { try await writer.write($0) }, die: { writer.die() })
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let ends = try SocketCalls.makePair(.stream)
                let near = try SocketChannel(OwnedDescriptor(owning: ends.0), options)
                let far = PassedDescriptor(owning: ends.1)
                return (ConformanceEnds(near), TransferredDescriptors(descriptors: [far]))
            },
            openEnd: { ConformanceEnds(try SocketChannel(try $0.takeDescriptor(0), options)) },
            openRaw: { try await $0.writeRaw($1, to: 0) })
        return transport
    }
}
