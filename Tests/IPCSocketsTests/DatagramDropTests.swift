import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Datagrams that come and are not delivered.
@Suite(.watched) struct DatagramDropTests {
    /// One that is too large behind another is not forgotten: the next call says so, once.
    @Test func tooLargeInABatchIsSaid() async throws {
        let path = "swift-ipc-batch-\(ProcessFacts.processID)"
        let small = try DatagramChannel(at: .unix(abstract: path), options: .init(maximumMessageSize: 10))
        let sender = try await DatagramChannel.connect(to: small.address)
        for count in [1, 11, 2, 12] { try await sender.send(Datagram(payload: [UInt8](repeating: 5, count: count))) }
        var sizes: [Int] = []
        #expect(try await small.receive(upTo: 3, until: .never) { sizes.append($0.byteCount) } == 1)
        let dropped = await failure { () async throws(IPCError) in
            try await small.receive(upTo: 3, until: .never) { sizes.append($0.byteCount) }
        }
        #expect(dropped?.code == .messageTooLarge)
        #expect(try await small.receive(upTo: 3, until: .never) { sizes.append($0.byteCount) } == 1)
        #expect(sizes == [1, 2])
        #expect(throws: IPCError.self) { try small.tryReceive() }
        guard case .empty = try small.tryReceive() else {
            Issue.record("more than was sent")
            return
        }
    }

    /// Many that are refused before one that is not: each is dropped and counted, in one wait, also where they are taken by
    /// their bytes alone, and where they are too large.
    @Test(arguments: ["receive", "in place", "batch"]) func refusedMessagesAreDropped(_ form: String) async throws {
        let name = "swift-ipc-refused-\(form)-\(ProcessFacts.processID)"
        let good = try SocketAddress.unix(abstract: name + "-good")
        let channel = try DatagramChannel(
            at: .unix(abstract: name), options: .init(maximumMessageSize: 10),
            authorization: .addresses { $0 == good })
        let sending = Task {
            let bad = try await DatagramChannel.connect(to: channel.address)
            for _ in 0..<300 { try await bad.send(Datagram(payload: [UInt8](repeating: 6, count: 11))) }
            let sender = try await DatagramChannel.connect(to: channel.address, from: good)
            for count in [1, 11, 2] { try await sender.send(Datagram(payload: [UInt8](repeating: 5, count: count))) }
        }
        var sizes: [Int] = []
        func next() async throws(IPCError) {
            switch form {
            case "receive": sizes.append(try await channel.receive()?.payload.count ?? -1)
            case "batch": _ = try await channel.receive(upTo: 5, until: .never) { sizes.append($0.byteCount) }
            default:
                do throws(ChannelBodyError<Never>) {
                    _ = try await channel.receive(until: .never) { sizes.append($0.byteCount) }
                } catch {
                    if case .channel(let error) = error { throw error }
                }
            }
        }
        try await next()
        let tooLarge = await failure { () async throws(IPCError) in try await next() }
        #expect(tooLarge?.code == .messageTooLarge)
        try await next()
        #expect(sizes == [1, 2])
        #expect(channel.refusedMessageCount == 300)
        try await sending.value
    }

    /// What can still be set on a socket that somebody else made is set.
    @Test func adoptedSocketIsSetUp() throws {
        let socket = try NetworkCalls.makeSocket(.ipv4, .datagrams)
        let copy = try PassedDescriptor(duplicating: socket.number)
        let channel = try DatagramChannel(
            adopting: copy, options: .init(sendBufferSize: 20_000, receiveBufferSize: 30_000, allowsBroadcast: true))
        #expect(try NetworkCalls.get(socket.number, .sendBuffer) == 40_000)
        #expect(try NetworkCalls.get(socket.number, .receiveBuffer) == 60_000)
        channel.close()
        for size in [0, -1] {
            let datagrams = #expect(throws: IPCError.self) {
                try DatagramChannel(at: .udp(port: 0), options: .init(sendBufferSize: size))
            }
            let stream = #expect(throws: IPCError.self) {
                try SocketChannel.makePair(options: .init(receiveBufferSize: size))
            }
            #expect(datagrams?.code == .invalidArgument && stream?.code == .invalidArgument)
        }
    }
}
