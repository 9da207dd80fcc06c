import IPCProcess
import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

@Suite(.watched) struct DatagramTests {
    /// A question and its answer, by the address that came with it.
    @Test(arguments: ["unix", "unix:@swift-ipc-datagram", "udp:127.0.0.1:0", "udp:[::1]:0"])
    func answersGoToWhoAsked(_ text: String) async throws {
        if text.contains("::1") && !hasIPv6 { return }
        try await withFolder { folder in
            let server = try DatagramChannel(
                at: text == "unix" ? .unix(path: folder + "/server") : SocketAddress(text))
            let own: SocketAddress? = text.hasPrefix("unix") ? try .unix(path: folder + "/client") : nil
            let client = try await DatagramChannel.connect(to: server.address, from: own)
            #expect(client.connectedAddress == server.address)
            let isUnix = text.hasPrefix("unix")
            #expect(server.guarantees.isLossless == isUnix && server.guarantees.isOrdered == isUnix)
            for size in [0, 1, 1_000, 60_000] {
                // Over UDP one may be lost even here; each is asked again.
                var answer: Datagram<[UInt8]>?
                while answer == nil {
                    try await client.send(Datagram(payload: [UInt8](repeating: UInt8(size % 251), count: size)))
                    guard let question = try? await server.receive(until: .after(.seconds(60))) else { continue }
                    #expect(question.address == client.address)
                    try await server.send(Datagram(payload: question.payload + [1], address: question.address))
                    answer = try? await client.receive(until: .after(.seconds(60)))
                }
                #expect(answer?.payload.count == size + 1 && answer?.address == server.address)
            }
            client.close()
            server.close()
        }
    }

    @Test func sizesAreLimited() async throws {
        let channel = try DatagramChannel(at: .udp(port: 0))
        #expect(channel.maximumMessageSize == 65_507)
        try await channel.send(Datagram(payload: [UInt8](repeating: 1, count: 65_507), address: channel.address))
        #expect(try await channel.receive(until: .after(.seconds(60)))?.payload.count == 65_507)
        let tooLarge = await failure { () async throws(IPCError) in
            try await channel.send(Datagram(payload: [UInt8](repeating: 1, count: 65_508), address: channel.address))
        }
        #expect(tooLarge?.code == .messageTooLarge)
        // One that is too large for the receiver is dropped, and the next one comes.
        let small = try DatagramChannel(at: .udp(port: 0), options: .init(maximumMessageSize: 10))
        try await channel.send(Datagram(payload: [UInt8](repeating: 1, count: 11), address: small.address))
        try await channel.send(Datagram(payload: [UInt8](repeating: 2, count: 10), address: small.address))
        let dropped = await failure { () async throws(IPCError) in try await small.receive(until: .after(.seconds(60)))
        }
        #expect(dropped?.code == .messageTooLarge)
        #expect(try await small.receive(until: .after(.seconds(60)))?.payload == [UInt8](repeating: 2, count: 10))
    }

    @Test func whatCannotBeSentIsRefused() async throws {
        let channel = try DatagramChannel(at: .udp(port: 0))
        for address: SocketAddress? in [
            nil, try .tcp(port: 1), try .unix(abstract: "a"), try .udp(host: "localhost", port: 1),
        ] {
            let error = await failure { () async throws(IPCError) in
                try await channel.send(Datagram(payload: [1], address: address))
            }
            #expect(error?.code == .invalidArgument, "\(address as Any)")
        }
        let broadcast = await failure { () async throws(IPCError) in
            try await channel.send(Datagram(payload: [1], address: .udp(host: "255.255.255.255", port: 9)))
        }
        #expect(broadcast?.code == .permissionDenied || broadcast?.code == .unreachable)
        try await channel.finish()
        let finished = await failure { () async throws(IPCError) in
            try await channel.send(Datagram(payload: [1], address: channel.address))
        }
        #expect(finished?.code == .finished)
        let stream = await failure { () async throws(IPCError) in try DatagramChannel(at: .tcp(port: 0)) }
        #expect(stream?.code == .invalidArgument)
    }

    /// F34: the receiver's queue is full: the sender waits without turning, and everything arrives in order.
    @Test(arguments: [true, false]) func slowReceiverLosesNothing(_ isConnected: Bool) async throws {
        try await withFolder { folder in
            let receiver = try DatagramChannel(at: .unix(path: folder + "/r"))
            let sender =
                isConnected
                ? try await DatagramChannel.connect(to: receiver.address)
                : try DatagramChannel(at: .unix(path: folder + "/s"))
            let count = 400
            let sending = Task {
                for index in 0..<count {
                    try await sender.send(
                        Datagram(
                            payload: [UInt8(index & 255), UInt8(index >> 8)],
                            address: isConnected ? nil : receiver.address))
                }
            }
            try await Task.sleep(for: .milliseconds(20))
            var expected = 0
            while expected < count {
                let payload = try #require(try await receiver.receive()).payload
                #expect(payload == [UInt8(expected & 255), UInt8(expected >> 8)])
                expected += 1
                if expected % 37 == 0 { try await Task.sleep(for: .milliseconds(2)) }
            }
            try await sending.value
            sender.close()
            receiver.close()
        }
    }

    @Test func nobodyReceivesThere() async throws {
        try await withFolder { folder in
            let missing = await failure { () async throws(IPCError) in
                try await DatagramChannel.connect(to: .unix(path: folder + "/none"))
            }
            #expect(missing?.code == .notFound)
            let receiver = try DatagramChannel(at: .unix(path: folder + "/r"))
            let sender = try await DatagramChannel.connect(to: receiver.address)
            receiver.close()
            // A child that is being started has it, too, until it is another program.
            var gone: IPCError?
            try await eventually {
                gone = await failure { () async throws(IPCError) in try await sender.send(Datagram(payload: [1])) }
                return gone != nil
            }
            #expect(gone?.code == .connectionRefused || gone?.code == .peerClosed)
        }
        // Over UDP a refusal that comes back is no end of the receiving side.
        let place = try DatagramChannel(at: .udp(port: 0))
        place.close()
        let client = try await DatagramChannel.connect(to: place.address)
        for _ in 0..<5 { try? await client.send(Datagram(payload: [1])) }
        let waited = await failure { () async throws(IPCError) in
            try await client.receive(until: .after(.milliseconds(50)))
        }
        #expect(waited?.code == .timedOut)
    }

    @Test func nameIsHeldAndGone() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            let channel = try DatagramChannel(at: address)
            #expect(try FileCalls.status(at: folder + "/s").permissions == 0o600)
            let taken = await failure { () async throws(IPCError) in try DatagramChannel(at: address) }
            #expect(taken?.code == .addressInUse)
            let stream = await failure { () async throws(IPCError) in try SocketListener(at: address) }
            #expect(stream?.code == .addressInUse)
            channel.close()
            try DatagramChannel(at: address).close()
        }
    }

    @Test(.enabled(if: hasPython, "needs /usr/bin/python3")) func echoWithPython() async throws {
        try await withFolder { folder in
            let unix = try DatagramChannel(at: .unix(path: folder + "/s"))
            let udp = try DatagramChannel(at: .udp(port: 0))
            let serving = [unix, udp].map { channel in
                Task {
                    while let question = try await channel.receive() { try await channel.send(question) }
                }
            }
            let output = try await Command(
                "/usr/bin/python3",
                arguments: [
                    "-c",
                    """
                    import socket, sys
                    folder, port = sys.argv[1], int(sys.argv[2])
                    for family, own, to in ((socket.AF_UNIX, folder + "/c", folder + "/s"),
                                            (socket.AF_INET, ("127.0.0.1", 0), ("127.0.0.1", port))):
                        s = socket.socket(family, socket.SOCK_DGRAM)
                        s.bind(own)
                        s.settimeout(10)
                        for n in (1, 100, 8000):
                            back = None
                            while back is None:
                                s.sendto(b"x" * n, to)
                                try: back = s.recv(9000)
                                except TimeoutError: pass
                            print(len(back))
                    import os; os.unlink(folder + "/c")
                    """, folder, "\(udp.address.port ?? 0)",
                ]
            ).output(until: .after(.seconds(120)))
            #expect(output.text == "1\n100\n8000\n1\n100\n8000\n", "\(output.errorText)")
            unix.close()
            udp.close()
            for task in serving {
                let error = await #expect(throws: IPCError.self) { try await task.value }
                #expect(error?.code == .closed)
            }
        }
    }
}

@Suite(.watched) struct MulticastTests {
    @Test(arguments: ["239.255.73.1", "ff12::73"]) func everyReceiverGetsIt(_ group: String) async throws {
        if group.contains(":") && !hasIPv6 { return }
        let port = try #require(try DatagramChannel(at: .udp(port: 0)).address.port)
        let address = try SocketAddress.udp(host: group, port: port)
        let options = MulticastOptions(interface: "lo")
        let receivers = try (0..<3).map { _ in try MulticastReceiver(group: address, options: options) }
        let sender = try MulticastSender(group: address, options: options)
        let route = await failure { () async throws(IPCError) in try await sender.send([255]) }
        if route?.code == .unreachable {
            print("\(group) is not tried: the loopback interface has no route to it; NamespaceTests try such a group")
            return
        }
        #expect(route == nil)
        #expect(!sender.guarantees.isLossless && sender.guarantees.direction == .sends)
        #expect(receivers[0].guarantees.direction == .receives)
        for round in 0..<3 {
            // Each may lose a message: it is sent until all have it.
            var missing = receivers[...]
            while let receiver = missing.first {
                try await sender.send([UInt8(round)])
                while let next = try? await receiver.receive(until: .after(.milliseconds(500))) {
                    if next.payload == [UInt8(round)] {
                        #expect(next.address?.port == sender.address.port)
                        missing = missing.dropFirst()
                        break
                    }
                }
            }
        }
        // Who has left gets nothing any more.
        let left = receivers[0]
        try left.leave(address)
        while case .message = try left.tryReceive() {}
        try await sender.send([99])
        let error = await failure { () async throws(IPCError) in
            try await left.receive(until: .after(.milliseconds(50)))
        }
        #expect(error?.code == .timedOut)
        try left.join(address)
        receivers.forEach { $0.close() }
        sender.close()
    }

    @Test func whatIsNoGroupIsRefused() throws {
        for address in [try SocketAddress.udp(port: 5), try .tcp(host: "239.1.1.1", port: 5)] {
            let receiving = #expect(throws: IPCError.self) { try MulticastReceiver(group: address) }
            let sending = #expect(throws: IPCError.self) { try MulticastSender(group: address) }
            #expect(receiving?.code == .invalidArgument && sending?.code == .invalidArgument)
        }
        let group = try SocketAddress.udp(host: "239.1.1.1", port: 5)
        let missing = #expect(throws: IPCError.self) {
            try MulticastSender(group: group, options: .init(interface: "no-such-interface"))
        }
        #expect(missing?.code == .notFound)
    }
}
