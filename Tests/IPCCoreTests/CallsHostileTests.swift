import IPCCore
import TestSupport
import Testing

/// What a correct peer cannot send ends the connection with a typed error: no trap, nothing allocated for it.
@Suite(.watched) struct CallsHostileTests {
    private static func bytes(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
        var buffer: [UInt8] = []
        write(&buffer)
        return buffer
    }

    private static let hello = bytes { CallWire.appendHello(CallHello(requestLimit: 8), to: &$0) }

    /// Two bytes for the description, then what is sent after a good hello.
    static let attacks: [(name: String, bytes: [UInt8])] = [
        ("garbage", Array(repeating: 0xA5, count: 64)),
        ("cut header", [1, 2, 3]),
        ("length beyond the message", bytes { CallWire.append(.end, id: 1, to: &$0) }.replacingLength(with: 1000)),
        ("length 2^32-1", bytes { CallWire.append(.end, id: 1, to: &$0) }.replacingLength(with: .max)),
        ("length 0", bytes { CallWire.append(.end, id: 1, to: &$0) }.replacingLength(with: 0)),
        ("length below the header", bytes { CallWire.append(.end, id: 1, to: &$0) }.replacingLength(with: 11)),
        ("kind 0", [12, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 0, count: 8)),
        ("depth of a reply", [12, 0, 0, 0, 3, 1, 0, 0, 1] + Array(repeating: 0, count: 7)),
        ("goodbye without a body", bytes { CallWire.append(.goodbye, id: 0, to: &$0) }),
        ("goodbye of too many depths", bytes { CallWire.appendGoodbye(Array(repeating: 0, count: 9), to: &$0) }),
        (
            "goodbye with a number",
            bytes { CallWire.append(.goodbye, id: 1, body: Array(repeating: 0, count: 64), to: &$0) }
        ),
        (
            "two goodbyes",
            bytes { buffer in
                for _ in 0..<2 { CallWire.appendGoodbye(Array(repeating: 9, count: 8), to: &buffer) }
            }
        ),
        (
            "request of depth 8",
            bytes { CallWire.appendRequest(id: 1, depth: 8, .init(method: 0), payload: [], to: &$0) }
        ),
        ("kind 256", [12, 0, 0, 0, 0, 1, 0, 0] + Array(repeating: 0, count: 8)),
        ("second hello", hello),
        ("reply to nothing", bytes { CallWire.append(.reply, id: 77, to: &$0) }),
        ("end of nothing", bytes { CallWire.append(.end, id: 77, to: &$0) }),
        ("item of nothing", bytes { CallWire.append(.item, id: 77, to: &$0) }),
        ("item of a call that wants one reply", bytes { CallWire.append(.item, id: 1, to: &$0) }),
        ("end of a call that wants one reply", bytes { CallWire.append(.end, id: 1, to: &$0) }),
        ("reply to a stream", bytes { CallWire.append(.reply, id: 2, to: &$0) }),
        ("two replies", bytes { buffer in for _ in 0..<2 { CallWire.append(.reply, id: 1, to: &buffer) } }),
        ("items beyond credit", bytes { buffer in for _ in 0..<3 { CallWire.append(.item, id: 2, to: &buffer) } }),
        ("cancel of nothing", bytes { CallWire.append(.cancel, id: 5, to: &$0) }),
        ("credit for nothing", bytes { CallWire.appendCredit(id: 5, 1, to: &$0) }),
        ("short request", bytes { CallWire.append(.request, id: 1, body: [0, 0, 0], to: &$0) }),
        ("short failure", bytes { CallWire.append(.failure, id: 1, body: [1], to: &$0) }),
        (
            "failure with long texts",
            bytes { CallWire.append(.failure, id: 1, body: [255, 255, 0, 0, 0, 0, 0, 0], to: &$0) }
        ),
        ("declined without a failure", bytes { CallWire.append(.declined, id: 1, to: &$0) }),
        (
            "declined of nothing",
            bytes { CallWire.append(.declined, id: 77, body: Array(repeating: 0, count: 8), to: &$0) }
        ),
        (
            "too many requests",
            bytes { buffer in
                for id in 1...9 { CallWire.appendRequest(id: UInt64(id), .init(method: 0), payload: [], to: &buffer) }
            }
        ),
        (
            "number used twice",
            bytes { buffer in
                for _ in 0..<2 { CallWire.appendRequest(id: 1, .init(method: 0), payload: [], to: &buffer) }
            }
        ),
        (
            "endless window",
            bytes { CallWire.appendRequest(id: 1, .init(window: .max, method: 0), payload: [], to: &$0) }
        ),
        (
            "endless credit",
            bytes { buffer in
                CallWire.appendRequest(id: 1, .init(window: 1, method: 0), payload: [], to: &buffer)
                CallWire.appendCredit(id: 1, .max, to: &buffer)
            }
        ),
    ]

    @Test(arguments: attacks.indices)
    func endsTheConnection(_ index: Int) throws {
        let attack = Self.attacks[index]
        var state = TestState.make(requests: 8)
        _ = try state.begin(method: 1, payload: [], until: .never, window: 0)
        _ = try state.begin(method: 1, payload: [], until: .never, window: 2)
        _ = try state.receive(Self.hello)
        let error = #expect(throws: IPCError.self, "\(attack.name)") { try state.receive(attack.bytes) }
        #expect(error?.code == .protocolViolation, "\(attack.name)")
    }

    @Test func anythingBeforeTheHello() throws {
        var state = TestState.make()
        let early = Self.bytes { CallWire.appendRequest(id: 1, .init(method: 0), payload: [], to: &$0) }
        let error = #expect(throws: IPCError.self) { try state.receive(early) }
        #expect(error?.code == .protocolViolation)
    }

    @Test func wrongMagicAndWrongVersion() throws {
        var state = TestState.make()
        var stranger = Self.hello
        stranger[16] ^= 1
        #expect(throws: IPCError.self) { try state.receive(stranger) }
        var newer = TestState.make()
        let hello = Self.bytes { CallWire.appendHello(CallHello(version: 99, requestLimit: 1), to: &$0) }
        let error = #expect(throws: IPCError.self) { try newer.receive(hello) }
        #expect(error?.code == .wrongVersion)
    }

    /// Random bytes after a hello, and good traffic with random bytes changed in it: only typed errors come out.
    @Test func randomBytesNeverTrap() throws {
        var random = SystemRandomNumberGenerator()
        var good = Self.hello
        for id in 1...4 {
            CallWire.appendRequest(id: UInt64(id), .init(window: 3, method: 1), payload: [1, 2, 3], to: &good)
        }
        CallWire.append(.reply, id: 1, body: [1], to: &good)
        CallWire.append(.item, id: 2, body: [1], to: &good)
        CallWire.appendFailure(id: 2, CallFailure(IPCError(.notFound, "x"), typeName: "T"), to: &good)
        CallWire.appendCredit(id: 3, 5, to: &good)
        CallWire.append(.cancel, id: 2, to: &good)
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            var state = TestState.make()
            _ = try state.begin(method: 1, payload: [], until: .never, window: 0)
            _ = try state.begin(method: 1, payload: [], until: .never, window: 2)
            do {
                _ = try state.receive(bytes)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1000)
    }
}

extension [UInt8] {
    func replacingLength(with length: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) } + self[4...]
    }
}
