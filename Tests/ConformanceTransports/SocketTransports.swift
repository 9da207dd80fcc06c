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

    /// Messages over a connected pair of Unix sockets that keep packets.
    public static var packetPair: ConformanceTransport {
        let limit = 100_000
        let options = SocketOptions(type: .packets, maximumMessageSize: limit)
        var transport = ConformanceTransport(
            "pair of Unix packet sockets", guarantees: ChannelGuarantees(maximumMessageSize: limit)
        ) {
            let (near, far) = try SocketChannel.makePair(options: options)
            return ConformancePair(near, far)
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput, .remoteCutFrames] {
            transport.declined[topic] = "the kernel keeps packets whole; PacketTests have a hostile peer"
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let ends = try SocketCalls.makePair(.packets)
                let near = try SocketChannel(OwnedDescriptor(owning: ends.0), options)
                return (
                    ConformanceEnds(near),
                    TransferredDescriptors(descriptors: [PassedDescriptor(owning: ends.1)])
                )
            },
            openEnd: { ConformanceEnds(try SocketChannel(try $0.takeDescriptor(0), options)) })
        return transport
    }

    /// Messages over TCP on this machine, with buffers that a test can fill.
    public static var tcp: ConformanceTransport {
        let limit = 200_000
        let options = SocketOptions(maximumMessageSize: limit, sendBufferSize: 32_768, receiveBufferSize: 32_768)
        var transport = ConformanceTransport("TCP", guarantees: ChannelGuarantees(maximumMessageSize: limit)) {
            let (near, far) = try await connectedPair()
            return ConformancePair(try near.channel(options: options), try far.channel(options: options))
        }
        transport.settling = .milliseconds(100)
        transport.wire = StreamWire.make {
            let (near, far) = try await connectedPair()
            let writer = RawWriter(try far.transfer().descriptors[0])
            let end = try near.channel(options: options)
            return ConformanceWire.RawPair(
                end: ConformanceEnds(end), write: { try await writer.write($0) }, die: { writer.die() })
        }
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let (near, far) = try await connectedPair()
                return (ConformanceEnds(try near.channel(options: options)), try far.transfer())
            },
            openEnd: { ConformanceEnds(try SocketConnection.receive($0).channel(options: options)) },
            openRaw: { try await $0.writeRaw($1, to: 0) })
        return transport
    }

    private static func connectedPair() async throws -> (SocketConnection, SocketConnection) {
        // The suite decides who speaks first, and when.
        let listener = try SocketListener(at: .tcp(port: 0), options: .init(handshakeDeadline: nil))
        defer { listener.close() }
        let near = try await SocketConnection.connect(to: listener.address)
        guard let far = try await listener.accept() else { throw IPCError(.closed, "connect a pair over TCP") }
        return (near, far)
    }

    /// Unix datagrams between the two of a pair.
    public static var datagramPair: ConformanceTransport {
        let limit = 8_192
        var transport = ConformanceTransport(
            "pair of Unix datagram sockets",
            guarantees: ChannelGuarantees(
                topology: .queue, detectsPeerDeath: false, tellsFinishFromDeath: false, maximumMessageSize: limit)
        ) {
            let (near, far) = try DatagramChannel.makePair(options: DatagramOptions(maximumMessageSize: limit))
            return ConformancePair(near.payloads(), far.payloads())
        }
        decline(&transport)
        transport.remote = ConformanceRemote(
            program: PeerProgram.path,
            makeEnd: { _ in
                let ends = try SocketCalls.makePair(.datagrams)
                let near = try DatagramChannel(
                    adopting: PassedDescriptor(owning: ends.0), options: DatagramOptions(maximumMessageSize: limit))
                return (
                    ConformanceEnds(near.payloads()),
                    TransferredDescriptors(descriptors: [PassedDescriptor(owning: ends.1)])
                )
            },
            openEnd: {
                let options = DatagramOptions(maximumMessageSize: limit)
                return ConformanceEnds(try DatagramChannel(adopting: $0.descriptors[0], options: options).payloads())
            })
        return transport
    }

    /// UDP between two ports of this machine. What fits of the suite is what needs no message to arrive.
    public static var udp: ConformanceTransport {
        var transport = ConformanceTransport(
            "UDP",
            guarantees: ChannelGuarantees(
                topology: .queue, isOrdered: false, isLossless: false, detectsPeerDeath: false,
                tellsFinishFromDeath: false, maximumMessageSize: 65_507)
        ) {
            let near = try DatagramChannel(at: .udp(port: 0))
            let far = try DatagramChannel(at: .udp(port: 0))
            return ConformancePair(near.payloads(to: far.address), far.payloads(to: near.address))
        }
        decline(&transport)
        let needLosslessness: [ConformanceTopic] = [
            .order, .boundaries, .emptyMessage, .largestMessage, .tryForms, .inPlaceForms, .batchForms,
            .incomingSequence, .concurrentSenders, .concurrentReceivers, .backpressure, .cancelledSends,
            .cancelledReceives, .expiredSends, .expiredReceives, .passedDeadlines, .independence, .manyChannels,
        ]
        for topic in needLosslessness { transport.declined[topic] = "the network may lose messages" }
        for topic in ConformanceTopic.allCases where topic.rawValue.hasPrefix("remote") {
            transport.declined[topic] = "the network may lose messages; NamespaceTests have other processes"
        }
        return transport
    }

    private static func decline(_ transport: inout ConformanceTransport) {
        for topic: ConformanceTopic in [.death, .peerGone, .remoteEcho, .remoteDeath, .remotePeerGone] {
            transport.declined[topic] = "datagrams have no ends: nobody sees who comes and goes"
        }
        for topic: ConformanceTopic in [.cutFrames, .hostileInput, .remoteCutFrames] {
            transport.declined[topic] = "the kernel keeps the messages: there is no stream of bytes"
        }
    }
}
