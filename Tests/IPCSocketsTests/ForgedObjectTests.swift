import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

/// Objects whose state no giver of good will would write.
@Suite(.watched) struct ForgedObjectTests {
    /// The state of a channel, written as `StreamState` lays it out.
    private func state(
        framing: UInt8 = 1, senderFraming: UInt8? = nil, limit: UInt64 = 16 << 20, descriptors: UInt8 = 0,
        bytes: [UInt8] = []
    ) -> [UInt8] {
        func number(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
        let sender = [1, 0x57, senderFraming ?? framing, 1, descriptors, 0, 0, 0] + number(limit)
        let receiver =
            [1, 0x52, framing, 0, descriptors, 0, 0, 0] + number(limit) + number(0) + number(0)
            + number(UInt64(bytes.count)) + bytes
        return [16] + sender + receiver
    }

    /// A limit that nobody has memory for is not believed. SOCK_SEQPACKET needs room for the largest packet at once.
    @Test(arguments: [SocketType.stream, .packets], [1 << 61, UInt64(Int.max), 1 << 40])
    func limitThatNobodyHas(_ type: SocketType, _ limit: UInt64) async throws {
        let (here, there) = try SocketChannel.makePair(options: SocketOptions(type: type, maximumDescriptors: 1))
        let ends = try SocketCalls.makePair(type.kind)
        let raw = RawPeer(socket: OwnedDescriptor(owning: ends.0))
        try await here.descriptorMessages.send(
            SocketMessage(payload: state(limit: limit), descriptors: [PassedDescriptor(owning: ends.1)]))
        let channel = try #require(try await there.objects(of: SocketChannel.self).receive())
        let most = type == .packets ? SocketOptions.maximumPacketSize : 16 << 20
        #expect(channel.receiver.options.maximumMessageSize == most)
        #expect(channel.guarantees.maximumMessageSize <= most)
        try raw.send(RawPeer.hello + RawPeer.frame([1, 2]))
        #expect(try await channel.receive() == [1, 2])
    }

    /// The limits of whoever receives hold, and the giver's where they are less; a parent's are believed.
    @Test func limitsOfTheReceiver() throws {
        func give(_ limit: Int, _ descriptors: Int) throws -> TransferredDescriptors {
            let options = SocketOptions(maximumMessageSize: limit, maximumDescriptors: descriptors)
            return try SocketChannel.makePair(options: options).0.transfer()
        }
        let own = SocketOptions(maximumMessageSize: 1000, maximumDescriptors: 2)
        for (limit, descriptors) in [(1 << 30, 5), (10, 1)] {
            let channel = try SocketChannel.receive(give(limit, descriptors), options: own)
            #expect(channel.receiver.options.maximumMessageSize == min(limit, 1000))
            #expect(channel.receiver.options.maximumDescriptors == min(descriptors, 2))
            #expect(channel.guarantees.maximumMessageSize == min(limit, 1000))
            let inherited = try SocketChannel.inherit(give(limit, descriptors))
            #expect(inherited.receiver.options.maximumMessageSize == limit)
            #expect(inherited.receiver.options.maximumDescriptors == descriptors)
        }
    }

    @Test(arguments: [SocketType.stream, .packets]) func stateThatCannotBe(_ type: SocketType) throws {
        for state in [state(framing: 2), state(senderFraming: 0), state(senderFraming: 2), state() + [1]] {
            let ends = try SocketCalls.makePair(type.kind)
            closeDescriptor(ends.0)
            let error = #expect(throws: IPCError.self) {
                try SocketChannel.receive(.init(descriptors: [PassedDescriptor(owning: ends.1)], state: state))
            }
            #expect(error?.code == .decodingFailed)
        }
    }

    /// Whatever is not a connected socket is refused as such, by all four ways in.
    @Test func whatIsNoConnectedSocket() async throws {
        let listener = try SocketListener(at: .tcp(port: 0))
        let datagrams = try DatagramChannel(at: .udp(port: 0))
        let (unixDatagrams, _) = try DatagramChannel.makePair()
        let unconnected = try NetworkCalls.makeSocket(.ipv4, .stream)
        let unixUnconnected = try SocketCalls.makeUnixSocket(.packets)
        let pipe = try DescriptorCalls.makePipe()
        let reading = OwnedDescriptor(owning: pipe.reading)
        closeDescriptor(pipe.writing)
        let numbers = [
            listener.stream.number, datagrams.stream.number, unixDatagrams.stream.number, unconnected.number,
            unixUnconnected.number, reading.number,
        ]
        for (index, number) in numbers.enumerated() {
            func copy() throws(IPCError) -> PassedDescriptor { try PassedDescriptor(duplicating: number) }
            let errors = [
                await failure { () async throws(IPCError) in
                    try SocketChannel.receive(.init(descriptors: [copy()], state: state()))
                },
                await failure { () async throws(IPCError) in
                    try SocketConnection.receive(.init(descriptors: [copy()]))
                },
                await failure { () async throws(IPCError) in try SocketConnection(adopting: copy()) },
                index == 0
                    ? nil : await failure { () async throws(IPCError) in try SocketListener(adopting: copy()) },
                index == 1 || index == 2
                    ? nil : await failure { () async throws(IPCError) in try DatagramChannel(adopting: copy()) },
            ]
            let codes = errors.map { $0?.code }
            #expect(codes[..<3] == [.invalidArgument, .invalidArgument, .invalidArgument], "\(index)")
            #expect(codes[3] == (index == 0 ? nil : .invalidArgument), "\(index)")
            #expect(codes[4] == (index == 1 || index == 2 ? nil : .invalidArgument), "\(index)")
        }
        withExtendedLifetime((unconnected.number, unixUnconnected.number, reading.number)) {}
        listener.close()
    }
}

/// Listeners that were given away with a name that is not theirs.
@Suite(.watched) struct ForgedListenerTests {
    private func state(_ file: FileCalls.Status, _ path: String) -> [UInt8] {
        func number(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
        return [1] + number(file.device) + number(file.inode) + Array(path.utf8)
    }

    private func pathOnly(_ path: String) throws -> PassedDescriptor {
        PassedDescriptor(owning: try FileCalls.open(path, [.pathOnly]).release())
    }

    /// What a stranger may know of a folder is where it is and which file is there: he has a socket of his own, and names
    /// our file.
    @Test(arguments: ["file", "socket"]) func ourFilesAreNotRemoved(_ kind: String) async throws {
        try await withFolder { folder in
            try FileCalls.makeDirectory(folder + "/ours", permissions: 0o700)
            try FileCalls.makeDirectory(folder + "/his", permissions: 0o700)
            let ours = folder + "/ours/config"
            let his = folder + "/his/config"
            let alive: SocketListener? = kind == "socket" ? try SocketListener(at: .unix(path: ours)) : nil
            if alive == nil {
                for name in [ours, ours + ".lock"] { _ = try FileCalls.open(name, [.readWrite, .create]).number }
            }
            let socket = try SocketCalls.makeUnixSocket(.stream)
            try SocketCalls.bindUnix(socket.number, path: his)
            try SocketCalls.listen(socket.number, backlog: 1)
            for path in [his, ours, "/config"] {
                // The lock file as he can have it, and as only this user could.
                for lock in [try pathOnly(ours + ".lock"), try pathOnly(his)] {
                    let descriptors = [
                        try PassedDescriptor(duplicating: socket.number), try pathOnly(folder + "/ours"), lock,
                    ]
                    let forged = TransferredDescriptors(
                        descriptors: descriptors, state: state(try FileCalls.status(at: ours), path))
                    do throws(IPCError) {
                        let listener = try SocketListener.receive(forged)
                        #expect(path == his)
                        listener.close()
                    } catch {
                        #expect(path != his && error.code == .invalidArgument)
                    }
                    for name in [ours, ours + ".lock", his] {
                        #expect((try? FileCalls.status(at: name)) != nil, "\(name) was removed")
                    }
                }
            }
            alive?.close()
            for name in [ours, ours + ".lock", his] { try? FileCalls.unlink(name) }
            for name in ["/ours", "/his"] { try FileCalls.removeDirectory(folder + name) }
        }
    }

    /// A name that came to another server since stays his.
    @Test func nameOfAnotherServerStays() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let first = try SocketListener(at: address)
            let given = try first.transfer()
            try FileCalls.unlink(folder + "/s")
            try FileCalls.unlink(folder + "/s.lock")
            let second = try SocketListener(at: address)
            let moved = try SocketListener.receive(given)
            moved.close()
            let third = try SocketListener(at: .unix(path: folder + "/t"))
            try FileCalls.unlink(folder + "/t")
            try FileCalls.unlink(folder + "/t.lock")
            let fourth = try SocketListener(at: .unix(path: folder + "/t"))
            third.close()
            for name in ["/s", "/s.lock", "/t", "/t.lock"] {
                #expect((try? FileCalls.status(at: folder + name)) != nil, "\(name) was removed")
            }
            second.close()
            fourth.close()
        }
    }

    /// Socket activation: who made the file keeps it, and the listener goes on in the next process.
    @Test(arguments: [SocketType.stream, .packets]) func adoptedAtAPath(_ type: SocketType) async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            let socket = try SocketCalls.makeUnixSocket(type.kind)
            try SocketCalls.bindUnix(socket.number, path: path)
            try SocketCalls.listen(socket.number, backlog: 8)
            let first = try SocketListener(adopting: PassedDescriptor(duplicating: socket.number))
            let client = try await SocketConnection.connect(to: first.address, type: type)
            let second = try SocketListener.receive(try first.transfer())
            #expect(second.address == (try SocketAddress.unix(path: path)))
            let accepted = try #require(try await second.accept())
            #expect(accepted.type == type)
            let again = await failure { () async throws(IPCError) in try first.transfer() }
            #expect(again?.code == .closed)
            let third = try SocketListener.receive(try second.transfer())
            third.close()
            #expect((try? FileCalls.status(at: path)) != nil)
            try FileCalls.unlink(path)
            withExtendedLifetime((client, accepted, socket.number)) {}
        }
    }
}
