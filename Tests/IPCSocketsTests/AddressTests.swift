import IPCSystem
import TestSupport
import Testing

@testable import IPCSockets

@Suite(.watched) struct AddressTests {
    @Test(
        arguments: [
            "unix:/run/a.sock", "unix:@shop", "tcp:127.0.0.1:80", "tcp:[::1]:65535", "tcp:shop.example:1",
            "udp:0.0.0.0:0", "udp:[ff02::1]:5353", "vsock:2:1024",
        ])
    func textIsReadAsItIsWritten(_ text: String) throws {
        #expect(try SocketAddress(text).description == text)
    }

    @Test(
        arguments: [
            "", "tcp", "tcp:", "tcp:host", "tcp:host:", "tcp:host:65536", "tcp:host:-1", "tcp:::1:80", "tcp::80",
            "udp:a b\u{0}:1", "vsock:1", "vsock:a:1", "unix:", "unix:@", "http://shop.example:80", "tcp:[::1:80",
        ])
    func whatIsNoAddressIsRefused(_ text: String) {
        let error = #expect(throws: IPCError.self) { try SocketAddress(text) }
        #expect(error?.code == .invalidName)
    }

    @Test func numbersAreKnownForWhatTheyAre() throws {
        #expect(try IPAddress("127.8.9.1").isLoopback && IPAddress("::1").isLoopback)
        #expect(try IPAddress("::ffff:127.0.0.1").isLoopback)
        #expect(try !IPAddress("10.0.0.1").isLoopback && !IPAddress("::2").isLoopback)
        #expect(try IPAddress("239.1.2.3").isMulticast && IPAddress("ff02::5").isMulticast)
        #expect(try !IPAddress("223.1.2.3").isMulticast && !IPAddress("fe80::5").isMulticast)
        #expect(IPAddress.any.isAny && IPAddress.any6.isAny && !IPAddress.loopback.isAny)
        #expect(try IPAddress("2001:DB8:0::7").description == "2001:db8::7")
        #expect(try SocketAddress.tcp(port: 1).isLocal)
        #expect(try !SocketAddress.tcp(host: "0.0.0.0", port: 1).isLocal)
        for text in ["1.2.3", "1.2.3.4.5", "", "::g", "host", "1.2.3.4\u{0}"] {
            let error = #expect(throws: IPCError.self) { try IPAddress(text) }
            #expect(error?.code == .invalidName)
        }
    }

    /// Both versions in turn, each address once.
    @Test func addressesAlternate() throws {
        let list = try ["::1", "::2", "::1", "10.0.0.1", "::3"].map { try IPAddress($0).bytes }
        let order = NameLookup.alternating(list).map(\.text)
        #expect(order == ["::1", "10.0.0.1", "::2", "::3"])
        #expect(NameLookup.alternating([]).isEmpty)
    }

    @Test func localhostIsThisMachine() async throws {
        let found = try await SocketAddress.tcp(host: "localhost", port: 7).resolve(until: .after(.seconds(60)))
        #expect(!found.isEmpty && found.allSatisfy { $0.isLocal && $0.port == 7 })
        let error = await failure { () async throws(IPCError) in
            try await SocketAddress.tcp(host: "no-such-host.invalid", port: 7).resolve(until: .after(.seconds(60)))
        }
        #expect(error?.code == .notFound || error?.code == .unreachable)
    }

    /// A resolver that does not answer holds neither the task nor another one, and only so many threads.
    @Test func lookupsAreLimitedAndCanBeLeft() async throws {
        let gate = FutexWord()
        let lookup = NameLookup(limit: 2) { _ throws(SystemCallError) in
            while gate.value == 0 { gate.wait(while: 0) }
            throw SystemCallError(.getaddrinfo, Errno.notFound)
        }
        for _ in 0..<2 {
            let error = await failure { () async throws(IPCError) in
                try await lookup.addresses(of: "slow", "test", until: .after(.milliseconds(20)))
            }
            #expect(error?.code == .timedOut)
        }
        let third = await failure { () async throws(IPCError) in
            try await lookup.addresses(of: "slow", "test", until: .never)
        }
        #expect(third?.code == .resourceExhausted)
        gate.store(1)
        gate.wake()
        try await eventually {
            let error = await failure { () async throws(IPCError) in
                try await lookup.addresses(of: "slow", "test", until: .never)
            }
            return error?.code == .notFound
        }
    }
}
