import IPCSockets
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct TransferTests {
    @Test func connectedChannelAsAMessage() async throws {
        let (near, far) = try SocketChannel.makePair(options: SocketOptions(maximumDescriptors: 1))
        let (kept, given) = try SocketChannel.makePair()
        // Read by the giver and not delivered: goes along.
        try await kept.send([1])
        try await kept.send([2])
        #expect(try await given.receive() == [1])
        try await near.descriptorMessages.send(SocketMessage(try given.transfer()))
        #expect(await failure { () async throws(IPCError) in try await given.receive() }?.code == .closed)
        let message = try #require(try await far.descriptorMessages.receive())
        let taken = try SocketChannel.receive(TransferredDescriptors(message))
        #expect(try await taken.receive() == [2])
        try await taken.send([3])
        try await kept.send([4])
        #expect(try await kept.receive() == [3])
        #expect(try await taken.receive() == [4])
        try await taken.finish()
        #expect(try await kept.receive() == nil)
        taken.close()
        // A child that another test starts may hold a copy until its exec.
        try await eventually {
            await failure { () async throws(IPCError) in try await kept.send([5]) }?.code == .peerClosed
        }
    }

    @Test func connectionThatWasNotUsed() async throws {
        let (near, far) = try SocketConnection.makePair()
        try await near.write([1, 2])
        let taken = try SocketConnection.receive(far.transfer())
        #expect(try await taken.read() == [1, 2])
        #expect(throws: IPCError.self) { try taken.transfer() }
        #expect(throws: IPCError.self) { try far.channel() }
    }

    @Test func placeOfAGivenConnectionIsFree() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address) { listener in
                let client = try await SocketConnection.connect(to: address)
                let accepted = try #require(try await listener.accept())
                let other = try SocketConnection.receive(accepted.transfer())
                #expect(listener.connectionCount == 0)
                try await client.write([9])
                #expect(try await other.read() == [9])
                #expect(other.peer == accepted.peer)
            }
        }
    }

    @Test func listenerGoesWithItsName() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let first = try SocketListener(at: address)
            let waiting = try await SocketConnection.connect(to: address)
            let given = try first.transfer()
            #expect(try await first.accept() == nil)
            #expect(
                await failure { () async throws(IPCError) in try SocketListener(at: address) }?.code == .addressInUse)
            let second = try SocketListener.receive(given, options: SocketListenerOptions(maximumConnections: 1))
            #expect(second.address == address)
            try await waiting.write([1])
            let accepted = try #require(try await second.accept())
            #expect(try await accepted.read() == [1])
            second.close()
            #expect((try? FileCalls.status(at: folder + "/s")) == nil)
            try SocketListener(at: address).close()
        }
    }

    @Test func whatIsNotOneIsRefused() throws {
        let pipe = try DescriptorCalls.makePipe()
        let reading = OwnedDescriptor(owning: pipe.reading)
        let writing = PassedDescriptor(owning: pipe.writing)
        func copy() throws -> PassedDescriptor { try PassedDescriptor(duplicating: reading.number) }
        let (channel, _) = try SocketChannel.makePair()
        let good = try channel.transfer()
        for state in [[], [0], [16], [255, 1, 2], [UInt8](repeating: 7, count: 60), Array(good.state.dropLast())] {
            #expect(throws: IPCError.self) {
                try SocketChannel.receive(TransferredDescriptors(descriptors: [copy()], state: state))
            }
        }
        #expect(throws: IPCError.self) { try SocketChannel.receive(.init(descriptors: [copy()], state: good.state)) }
        #expect(throws: IPCError.self) { try SocketConnection.receive(.init(descriptors: [copy()])) }
        let state = [1] + [UInt8](repeating: 0, count: 16) + Array("/tmp/x".utf8)
        #expect(throws: IPCError.self) {
            try SocketListener.receive(.init(descriptors: [copy(), copy(), copy()], state: state))
        }
        withExtendedLifetime(writing) {}
    }
}
