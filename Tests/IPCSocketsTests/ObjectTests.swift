import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Objects as messages.
@Suite(.watched) struct ObjectTests {
    @Test(arguments: [SocketType.stream, .packets]) func channelInAChannel(_ type: SocketType) async throws {
        let options = SocketOptions(type: type, maximumDescriptors: 1)
        let (here, there) = try SocketChannel.makePair(options: options)
        let (mine, theirs) = try SocketChannel.makePair(options: SocketOptions(type: type))
        try await mine.send([1])
        try await here.objects(of: SocketChannel.self).send(theirs)
        let arrived = try #require(try await there.objects(of: SocketChannel.self).receive())
        #expect(try await arrived.receive() == [1])
        try await arrived.send([2])
        #expect(try await mine.receive() == [2])
        try await here.finish()
        #expect(try await there.objects(of: SocketChannel.self).receive() == nil)
    }

    /// Another object is refused and closed, and the channel goes on.
    @Test func whatIsNoneIsRefused() async throws {
        let options = SocketOptions(maximumDescriptors: 3)
        let (here, there) = try SocketChannel.makePair(options: options)
        let tracer = try Tracer()
        let bad: [SocketMessage<[UInt8]>] = [
            SocketMessage(payload: [1, 2, 3]),
            SocketMessage(payload: [], descriptors: [try tracer.copy()]),
            SocketMessage(payload: [16], descriptors: [try tracer.copy(), try tracer.copy()]),
        ]
        for message in bad {
            try await here.descriptorMessages.send(message)
            let error = await #expect(throws: IPCError.self) {
                try await there.objects(of: SocketChannel.self).receive()
            }
            #expect(error?.code == .decodingFailed || error?.code == .invalidArgument)
        }
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
        let (mine, theirs) = try SocketChannel.makePair()
        try await here.objects(of: SocketChannel.self).send(theirs)
        _ = try #require(try await there.objects(of: SocketChannel.self).receive())
        let again = await #expect(throws: IPCError.self) {
            try await here.objects(of: SocketChannel.self).send(theirs)
        }
        #expect(again?.code == .closed)
        mine.close()
    }
}
