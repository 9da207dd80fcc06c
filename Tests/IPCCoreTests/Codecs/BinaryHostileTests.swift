import IPCCore
import TestSupport
import Testing

/// Whatever bytes come: a value or a typed error, never a trap, never memory for what is not there.
@Suite(.watched) struct BinaryHostileTests {
    /// Decodes as types of every shape; each gives a value or an error. How many gave a value.
    @discardableResult
    private func decodeAsEverything(_ bytes: [UInt8]) -> Int {
        var values = 0
        func attempt<Value: Decodable>(_ type: Value.Type) {
            do {
                _ = try BinaryCodec.decode(type, from: bytes)
                values += 1
            } catch {
                #expect(error.code == .decodingFailed || error.code == .wrongVersion, "\(error)")
            }
        }
        attempt(Int.self)
        attempt(UInt8.self)
        attempt(Bool.self)
        attempt(Double.self)
        attempt(String.self)
        attempt([UInt8].self)
        attempt([Int].self)
        attempt([Double].self)
        attempt([String].self)
        attempt([Int128].self)
        attempt(Set<Int16>.self)
        attempt([String: Int].self)
        attempt([Int: [String: Bool?]].self)
        attempt([Bool: Int].self)
        attempt(Job.self)
        attempt([Job].self)
        attempt(Command.self)
        attempt(Everything.self)
        attempt(Tree.self)
        attempt([Either].self)
        attempt(Derived.self)
        attempt(Interleaved.self)
        attempt(SIMD4<Int32>.self)
        attempt(Counting.self)
        return values
    }

    /// Reserves what the list says it holds, as `Data` and other types do.
    private struct Counting: Decodable {
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            let count = try #require(container.count)
            // The longest message of these tests: a count beyond its bytes would be a lie that was believed.
            #expect(count < 1 << 20)
            while !container.isAtEnd { _ = try container.superDecoder() }
        }
    }

    private static let lies: [UInt64] = [
        0, 1, 2, 63, 64, 127, 128, 255, 256, 65535, 65536, 16 << 20, (16 << 20) + 1, 0x7FFF_FFFF, 0x8000_0000,
        0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
    ]

    private func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    private func variable(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    @Test(arguments: lies)
    func everyLengthLies(_ lie: UInt64) {
        for rest in [[], [0x00], [0xC0, 0xC0], [UInt8](repeating: 0x01, count: 300)] as [[UInt8]] {
            for tag: UInt8 in [0xCF, 0xD5] { decodeAsEverything([1, tag] + little(lie, 1) + rest) }
            for tag: UInt8 in [0xD0, 0xD6] { decodeAsEverything([1, tag] + little(lie, 4) + rest) }
            for kind: UInt8 in [0xC3, 0xC6, 0xCB, 0xCD, 0xCE, 0x00, 0xD0, 0xFF] {
                decodeAsEverything([1, 0xD1, kind] + little(lie, 1) + rest)
                decodeAsEverything([1, 0xD2, kind] + little(lie, 4) + rest)
            }
            for other in Self.lies {
                decodeAsEverything([1, 0xD3] + little(lie, 1) + little(other, 1) + rest)
                decodeAsEverything([1, 0xD4] + little(lie, 4) + little(other, 4) + rest)
            }
            // The number of names, the length of a name, a name's number, a name in place.
            decodeAsEverything([1, 0x00] + variable(lie) + rest)
            decodeAsEverything([1, 0x00, 0x01] + variable(lie) + rest)
            decodeAsEverything([1, 0xD5, UInt8(variable(lie).count + 1)] + variable(lie) + [0x00] + rest)
            decodeAsEverything([1, 0xD5, UInt8(min(variable(lie).count + rest.count, 255))] + variable(lie) + rest)
        }
    }

    @Test func aLengthBeyondTheMessageIsNamed() throws {
        let error = try #require(throws: IPCError.self) {
            try BinaryCodec.decode([UInt8].self, from: [1, 0xD2, 0xC3, 0xFF, 0xFF, 0xFF, 0xFF, 0])
        }
        #expect(error.code == .decodingFailed)
        #expect(error.message.contains("4294967295 bytes") && error.message.contains("where 1 are left"))
        let tooManyNames = try #require(throws: IPCError.self) {
            try BinaryCodec.decode(Int.self, from: [1, 0x05, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F])
        }
        #expect(tooManyNames.message.contains("4294967295 names"))
    }

    @Test func anEmptyMessageAndOtherVersions() throws {
        #expect(throws: IPCError.self) { try BinaryCodec.decode(Int.self, from: []) }
        for version in UInt8.min...UInt8.max where version != 1 {
            let error = try #require(throws: IPCError.self) {
                try BinaryCodec.decode(Int.self, from: [version, 5])
            }
            #expect(error.code == .wrongVersion)
        }
    }

    @Test func everyCutIsAnError() throws {
        let whole = try BinaryCodec.encode(Everything())
        for length in 0..<whole.count {
            let error = try #require(throws: IPCError.self) {
                try BinaryCodec.decode(Everything.self, from: Array(whole[..<length]))
            }
            #expect(error.code == .decodingFailed)
        }
        // And so is a byte too many.
        #expect(throws: IPCError.self) { try BinaryCodec.decode(Everything.self, from: whole + [0]) }
    }

    @Test func nothingIsReadBeyondTheEnd() throws {
        // Behind the cut lies just what would make the message whole.
        func cutEverywhere<Value: Codable>(_ value: Value) throws {
            let whole = try BinaryCodec.encode(value)
            for length in 0..<whole.count {
                let cut = unsafe whole.span.bytes.extracting(0..<length)
                #expect(throws: IPCError.self, "\(Value.self) \(length)") {
                    try BinaryCodec.decode(Value.self, from: cut)
                }
            }
        }
        try cutEverywhere(5)
        try cutEverywhere(-1_000_000)
        try cutEverywhere("text")
        try cutEverywhere(String(repeating: "long", count: 100))
        try cutEverywhere([UInt8](repeating: 1, count: 300))
        try cutEverywhere(["a", "b"])
        try cutEverywhere([String](repeating: "abc", count: 100))
        try cutEverywhere(["key": 1.5])
        try cutEverywhere(Job(path: "p", count: 1, tags: [1], note: nil))
    }

    @Test func everyByteChangedToEveryKind() throws {
        let whole = try BinaryCodec.encode(
            [
                Job(path: "/tmp", count: -500, tags: [1, 70000], note: "n"),
                Job(path: "", count: 1 << 40, tags: [], note: nil),
            ])
        for offset in whole.indices {
            for byte: UInt8 in [0, 1, 0x7F, 0x80, 0xBF] + Array(0xC0...0xE0) + [0xFF] {
                var changed = whole
                changed[offset] = byte
                decodeAsEverything(changed)
            }
        }
    }

    @Test func depthIsBounded() throws {
        // Lists in lists, fields in fields, and a superclass in a superclass: 50,000 deep.
        func bomb(_ header: (Int) -> [UInt8], _ tail: [UInt8], names: [UInt8]) -> [UInt8] {
            var parts: [[UInt8]] = [tail]
            var length = tail.count
            for _ in 0..<50_000 {
                parts.append(header(length))
                length += parts[parts.count - 1].count
            }
            return [1] + parts.reversed().flatMap { $0 } + names
        }
        let lists = bomb({ [0xD4] + little(UInt64($0), 4) + [1, 0, 0, 0] }, [0xC0], names: [])
        let trees = bomb(
            { [0xD6] + little(UInt64($0 + 10), 4) + [0x00, 0xD4] + little(UInt64($0), 4) + [1, 0, 0, 0] },
            [0xC0], names: [1, 8] + Array("children".utf8))
        let supers = bomb(
            { [0xD6] + little(UInt64($0 + 1), 4) + [0x00] }, [0xC0], names: [1, 5] + Array("super".utf8))
        for message in [lists, trees, supers] {
            #expect(decodeAsEverything(message) <= 1)
            for type in [Tree.self, Nest.self, SuperChain.self, EndlessSelf.self] as [any Decodable.Type] {
                let error = try #require(throws: IPCError.self) { try BinaryCodec.decode(type, from: message) }
                #expect(error.code == .decodingFailed)
            }
        }
        let error = try #require(throws: IPCError.self) { try BinaryCodec.decode(Tree.self, from: trees) }
        #expect(error.message.contains("at most 128 levels"), "\(error)")
        let superError = try #require(throws: IPCError.self) { try BinaryCodec.decode(SuperChain.self, from: supers) }
        #expect(superError.message.contains("at most 128 levels"), "\(superError)")
        let endless = try #require(throws: IPCError.self) { try BinaryCodec.decode(EndlessSelf.self, from: [1, 0]) }
        #expect(endless.message.contains("at most 128 levels"), "\(endless)")
    }

    @Test(arguments: [1, 127, 128, 129, 250, 260, 400])
    func theDepthThatIsAllowedIsExact(_ depth: Int) throws {
        var message: [UInt8] = [0xD3, 0, 0]
        for _ in 1..<depth { message = [0xD4] + little(UInt64(message.count), 4) + [1, 0, 0, 0] + message }
        var failure: IPCError?
        do {
            _ = try BinaryCodec.decode(Nest.self, from: [1] + message)
        } catch {
            failure = error
        }
        #expect(failure?.code == (depth <= 128 ? nil : .decodingFailed))
    }

    private struct Nest: Decodable {
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            while !container.isAtEnd { _ = try container.decode(Nest.self) }
        }
    }

    private struct SuperChain: Decodable {
        enum Keys: CodingKey { case none }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            _ = try SuperChain(from: container.superDecoder())
        }
    }

    /// A type that reads itself from the same place, on and on.
    private final class EndlessSelf: Codable {
        let next: EndlessSelf

        init(from decoder: any Decoder) throws {
            next = try decoder.singleValueContainer().decode(EndlessSelf.self)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(next)
        }
    }

    @Test func invalidTextIsRefused() throws {
        #expect(throws: IPCError.self) { try BinaryCodec.decode(String.self, from: [1, 0x82, 0xC3, 0x28]) }
        #expect(throws: IPCError.self) {
            try BinaryCodec.decode([String: Int].self, from: [1, 0xD5, 4, 0x05, 0xC3, 0x28, 1])
        }
    }

    @Test func randomBytesAndRandomChanges() throws {
        var generator = SeededGenerator(state: 20_261_121)
        let originals = [
            try BinaryCodec.encode(Everything()),
            try BinaryCodec.encode([Job(path: "/etc", count: 3, tags: [1, 2], note: "x")]),
            try BinaryCodec.encode(Interleaved(left: [1, 2], right: [3], after: "z")),
            try BinaryCodec.encode([Command.both(.stop, .run(name: "n", times: 300))]),
            try BinaryCodec.encode(["a": ["b": 1], "c": [:]]),
        ]
        for round in 0..<100_000 {
            var bytes: [UInt8]
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                // Most of them with the right version, or they would end there.
                if !bytes.isEmpty, round % 8 == 0 { bytes[0] = 1 }
            } else {
                bytes = originals[round % originals.count]
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let offset = Int.random(in: 1..<bytes.count, using: &generator)
                    bytes[offset] =
                        round % 3 == 0
                        ? UInt8.random(in: 0xC0...0xDF, using: &generator)
                        : UInt8.random(in: 0...255, using: &generator)
                }
            }
            switch round % 5 {
            case 0: decode(Everything.self, bytes)
            case 1: decode([Job].self, bytes)
            case 2: decode(Interleaved.self, bytes)
            case 3: decode([Command].self, bytes)
            default: decode([String: [String: Int]].self, bytes)
            }
        }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) {
        do {
            _ = try BinaryCodec.decode(type, from: bytes)
        } catch {
            if error.code != .decodingFailed, error.code != .wrongVersion { Issue.record("\(error)") }
        }
    }
}
