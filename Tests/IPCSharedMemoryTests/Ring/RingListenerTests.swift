import IPCSharedMemory
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Who gets a ring from a listener, and what kind.
@Suite(.watched) struct RingListenerTests {
    private func listening(
        _ options: RingOptions = RingOptions(), _ listening: SocketListenerOptions = SocketListenerOptions(),
        _ body: (RingListener, SocketAddress) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/ring.sock")
            try await RingListener.withListener(at: address, options: options, listening: listening) { listener in
                try await body(listener, address)
            }
        }
    }

    @Test func whoIsNotAllowedGetsNoRing() async throws {
        let nobody = SocketListenerOptions(authorization: SocketAuthorization { _ in false })
        try await listening(RingOptions(), nobody) { listener, address in
            let accepting = Task { await code { _ = try await listener.accept() } }
            let refusal = await code { _ = try await RingChannel.connect(to: address, until: .after(.seconds(60))) }
            #expect(refusal == .peerClosed)
            accepting.cancel()
            #expect(await accepting.value == .cancelled)
            #expect(listener.connectionCount == 0)
        }
    }

    @Test func atTheLimitClientsWaitUntilARingIsClosed() async throws {
        try await listening(RingOptions(), SocketListenerOptions(maximumConnections: 1)) { listener, address in
            async let connected = RingChannel.connect(to: address, until: .after(.seconds(60)))
            let served = try #require(try await listener.accept())
            let client = try await connected
            #expect(listener.connectionCount == 1)
            let second = Task { try await RingChannel.connect(to: address, until: .after(.seconds(60))) }
            let accepted = await code { _ = try await listener.accept(until: .after(.milliseconds(50))) }
            #expect(accepted == .timedOut)
            served.close()
            let next = try #require(try await listener.accept(until: .after(.seconds(60))))
            let other = try await second.value
            try await other.send([1, 2])
            let received = try await next.receive(until: .after(.seconds(60)))
            #expect(received == [1, 2])
            #expect(listener.connectionCount == 1)
            let end = await code { _ = try await client.receive(until: .after(.seconds(60))) }
            #expect(end == .peerClosed)
        }
    }

    @Test func theListenerDecidesTheSizeAndTheStricterLimitHolds() async throws {
        let options = RingOptions(ringByteCount: 8192, maximumMessageSize: 1000)
        try await listening(options) { listener, address in
            async let connected = RingChannel.connect(
                to: address, options: RingOptions(ringByteCount: 1 << 20, maximumMessageSize: 5000, trust: .trusted))
            let served = try #require(try await listener.accept())
            let client = try await connected
            #expect(client.ringByteCount == 8192)
            #expect(client.guarantees.maximumMessageSize == 1000)
            #expect(client.trust == .trusted)
            #expect(served.trust == .untrusted)
            let tooLarge = await code { try await client.send([UInt8](repeating: 1, count: 1001)) }
            #expect(tooLarge == .messageTooLarge)
            try await client.send([UInt8](repeating: 1, count: 1000))
            let received = try await served.receive(until: .after(.seconds(60)))
            #expect(received?.count == 1000)
        }
    }

    @Test func shuttingDownEndsTheRingsAndTheName() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/ring.sock")
            let listener = try RingListener(at: address)
            async let connected = RingChannel.connect(to: address)
            let served = try #require(try await listener.accept())
            let client = try await connected
            let ended = await listener.shutDown(until: .after(.milliseconds(20)))
            #expect(ended == 1)
            let end = await code { _ = try await client.receive(until: .after(.seconds(60))) }
            #expect(end == .peerClosed)
            let accepted = try await listener.accept()
            #expect(accepted == nil)
            let refused = await code { _ = try await RingChannel.connect(to: address) }
            #expect(refused == .notFound)
            served.close()
        }
    }

    @Test func optionsThatCannotBeAreRefused() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/ring.sock")
            for options in [RingOptions(ringByteCount: 5000), RingOptions(maximumMessageSize: 0)] {
                let listening = await code { _ = try RingListener(at: address, options: options) }
                #expect(listening == .invalidArgument)
                let connecting = await code { _ = try await RingChannel.connect(to: address, options: options) }
                #expect(connecting == .invalidArgument)
            }
        }
    }

    /// What a listener that is none for rings may say, and what the client makes of it.
    static let greetings: [(word: [UInt64], count: Int, code: IPCError.Code)] = [
        ([0, 1, 4096, 100, 0], 40, .wrongMagic),
        ([0x474E_4952_4350_4973, 1, 4096, 100, 0], 39, .wrongMagic),
        ([0x474E_4952_4350_4973, 2, 4096, 100, 0], 40, .wrongVersion),
        ([0x474E_4952_4350_4973, 1, 5000, 100, 0], 40, .protocolViolation),
        ([0x474E_4952_4350_4973, 1, 4096, 0, 0], 40, .protocolViolation),
        // All is well, but no descriptors come with it.
        ([0x474E_4952_4350_4973, 1, 4096, 100, 0], 40, .protocolViolation),
    ]

    @Test(arguments: greetings.indices)
    func aGreetingThatIsNoneIsRefused(_ index: Int) async throws {
        let (words, count, expected) = Self.greetings[index]
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/other.sock")
            try await SocketListener.withListener(at: address) { listener in
                async let refused = code { _ = try await RingChannel.connect(to: address, until: .after(.seconds(60))) }
                let accepted = try #require(try await listener.accept())
                try await accepted.write([UInt8](bytes[..<count]))
                let refusal = await refused
                #expect(refusal == expected)
                accepted.close()
            }
        }
    }
}
