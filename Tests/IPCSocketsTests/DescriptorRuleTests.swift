import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// What a peer may do with descriptors, byte for byte.
@Suite(.watched) struct DescriptorRuleTests {
    /// Sends the pieces, each with as many descriptors at its first byte, and returns what the channel made of them.
    private func outcome(
        limit: Int, _ pieces: [(bytes: [UInt8], descriptors: Int)], readBetween: Bool = false
    ) async throws -> (counts: [Int], error: IPCError?) {
        let (peer, channel) = try RawPeer.pair(SocketOptions(maximumDescriptors: limit))
        let tracer = try Tracer()
        var counts: [Int] = []
        for piece in pieces {
            let copies = try (0..<piece.descriptors).map { _ in try tracer.copy() }
            try peer.send(piece.bytes, descriptors: copies.compactMap(\.borrowedNumber))
            if readBetween, case .message(let message)? = try? channel.descriptorMessages.tryReceive() {
                counts.append(message.descriptors.count)
            }
        }
        try SocketCalls.shutdown(peer.socket.number, reading: false, writing: true)
        var error: IPCError?
        do throws(IPCError) {
            while let message = try await channel.descriptorMessages.receive() {
                counts.append(message.descriptors.count)
            }
        } catch let failure {
            error = failure
        }
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
        return (counts, error)
    }

    @Test func inTheMiddleOfTheirFrame() async throws {
        let frame = RawPeer.frame([1, 2, 3, 4], descriptors: 2)
        for cut in 1..<frame.count {
            let result = try await outcome(
                limit: 2,
                [(RawPeer.hello + frame[..<cut], 0), (Array(frame[cut...]), 2), (RawPeer.end, 0)])
            #expect(result.counts == [2] && result.error == nil, "cut at \(cut): \(result)")
        }
    }

    /// The end is no message, so nobody would receive them.
    @Test(arguments: [0, 1, 2]) func withTheEnd(_ announced: UInt16) async throws {
        let end = RawPeer.header(0, kind: 2, descriptors: announced)
        for pieces in [[(RawPeer.hello + end, 1)], [(RawPeer.hello, 0), (end, 1)]] {
            let result = try await outcome(limit: 2, pieces)
            #expect(result.counts.isEmpty && result.error?.code == .protocolViolation, "\(result)")
        }
    }

    @Test func splitOverTwoPieces() async throws {
        let frame = RawPeer.frame([1, 2, 3, 4], descriptors: 3)
        for readBetween in [false, true] {
            let result = try await outcome(
                limit: 3, [(RawPeer.hello + frame[..<18], 1), (Array(frame[18...]), 2), (RawPeer.end, 0)],
                readBetween: readBetween)
            #expect(result.counts == [3] && result.error == nil, "\(result)")
        }
    }

    /// The rest of one message and the whole of the next come with one read: each keeps its own.
    @Test func frameBehindAnother() async throws {
        let first = RawPeer.frame([1, 1, 1, 1], descriptors: 2)
        let second = RawPeer.frame([2], descriptors: 2)
        for readBetween in [false, true] {
            let result = try await outcome(
                limit: 2,
                [
                    (RawPeer.hello, 0), (Array(first[..<18]), 2), (Array(first[18...]), 0), (second, 2),
                    (RawPeer.end, 0),
                ],
                readBetween: readBetween)
            #expect(result.counts == [2, 2] && result.error == nil, "\(result)")
        }
    }

    @Test(arguments: [(0, 1), (1, 0), (1, 2), (2, 1), (3, 3), (0, 3)])
    func announcedIsNotWhatCame(_ announced: UInt16, _ came: Int) async throws {
        let result = try await outcome(
            limit: 2,
            [
                (RawPeer.hello + RawPeer.frame([1]), 0), (RawPeer.frame([2], descriptors: announced), came),
                (RawPeer.frame([3]), 0), (RawPeer.end, 0),
            ])
        #expect(result.counts == [0])
        #expect(result.error?.code == .protocolViolation, "\(result)")
    }

    @Test func surplusIsNotGivenToTheNextMessage() async throws {
        let result = try await outcome(
            limit: 4,
            [
                (RawPeer.hello + RawPeer.frame([1], descriptors: 1), 3), (RawPeer.frame([2], descriptors: 2), 0),
                (RawPeer.end, 0),
            ])
        #expect(result.counts.isEmpty)
        #expect(result.error?.code == .protocolViolation)
    }

    @Test func withTheEnd() async throws {
        let result = try await outcome(limit: 2, [(RawPeer.hello, 0), (RawPeer.end, 2)])
        #expect(result.error?.code == .protocolViolation)
    }

    /// A peer that never ends its message cannot fill this process's table.
    @Test func pilingUp() async throws {
        let (peer, channel) = try RawPeer.pair(SocketOptions(maximumDescriptors: 2))
        let tracer = try Tracer()
        try peer.send(RawPeer.hello + RawPeer.header(1000, descriptors: 2))
        var error: IPCError?
        for _ in 0..<10 where error == nil {
            let copy = try tracer.copy()
            try peer.send([0], descriptors: copy.borrowedNumber.map { [$0] } ?? [])
            do throws(IPCError) {
                _ = try channel.descriptorMessages.tryReceive()
            } catch let failure {
                error = failure
            }
        }
        #expect(error?.code == .protocolViolation)
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
    }

    @Test func droppedWhereNoneAreTaken() async throws {
        let (peer, channel) = try RawPeer.pair(SocketOptions())
        let tracer = try Tracer()
        let number = try #require(tracer.writing.borrowedNumber)
        // Linux 6.16 refuses them; before, they come and are dropped.
        do {
            try peer.send(RawPeer.hello + RawPeer.frame([1]), descriptors: [number])
        } catch let error as SystemCallError {
            #expect(error.errno == Errno.notPermitted)
            try peer.send(RawPeer.hello + RawPeer.frame([1]))
        }
        #expect(try await channel.receive() == [1])
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
    }

    /// Bare bytes have no message that a descriptor could belong to: it is closed, and the bytes are read.
    @Test func closedWithBareBytes() async throws {
        let ends = try SocketCalls.makePair(.stream)
        let peer = RawPeer(socket: OwnedDescriptor(owning: ends.0))
        let tracer = try Tracer()
        // Before anybody has decided what goes over the connection, and the kernel refuses none.
        try peer.send([1, 2], descriptors: [try #require(tracer.writing.borrowedNumber)])
        let connection = try SocketConnection(OwnedDescriptor(owning: ends.1), "test")
        #expect(try await connection.read() == [1, 2])
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
        try peer.send([3])
        #expect(try await connection.read() == [3])
    }

    /// The same where another process says of a channel of bare bytes that it takes descriptors.
    @Test func closedWithBareBytesThatClaimToTakeThem() async throws {
        let (given, _) = try SocketChannel.makePair(options: SocketOptions(framing: .bytes))
        var state = try given.transfer().state
        // Most descriptors in a message: of the sender's state, and of the receiver's behind it (StreamState).
        state[1 + 4] = 8
        state[1 + 16 + 4] = 8
        let ends = try SocketCalls.makePair(.stream)
        let peer = RawPeer(socket: OwnedDescriptor(owning: ends.0))
        let channel = try SocketChannel.receive(
            TransferredDescriptors(descriptors: [PassedDescriptor(owning: ends.1)], state: state))
        let tracer = try Tracer()
        try peer.send([1, 2], descriptors: [try #require(tracer.writing.borrowedNumber)])
        #expect(try await channel.receive() == [1, 2])
        _ = tracer.writing.take().map(closeDescriptor)
        #expect(try await tracer.ends())
        withExtendedLifetime(channel) {}
    }
}
