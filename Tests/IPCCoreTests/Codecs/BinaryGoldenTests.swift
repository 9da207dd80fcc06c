import IPCCore
import TestSupport
import Testing

/// The bytes of `Documentation/WireFormat.md`, section "Binary codec": a change here is a change of the format.
@Suite(.watched) struct BinaryGoldenTests {
    private func expectBytes<Value: Codable & Equatable>(
        _ value: Value, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(try BinaryCodec.encode(value) == bytes, sourceLocation: sourceLocation)
        #expect(try BinaryCodec.decode(Value.self, from: bytes) == value, sourceLocation: sourceLocation)
    }

    @Test func theExampleOfTheSpecification() throws {
        try expectBytes(
            Job(path: "/etc/hosts", count: 300, tags: [1, 2, 3], note: nil),
            [0x01, 0xD5, 0x17]
                + [0x00, 0x8A] + Array("/etc/hosts".utf8)
                + [0x02, 0xC4, 0x2C, 0x01]
                + [0x04, 0xD1, 0xC3, 0x03, 0x01, 0x02, 0x03]
                + [0x03, 0x04] + Array("path".utf8) + [0x05] + Array("count".utf8) + [0x04] + Array("tags".utf8))
    }

    @Test func scalars() throws {
        try expectBytes(0, [1, 0x00])
        try expectBytes(127, [1, 0x7F])
        try expectBytes(128, [1, 0xC3, 0x80])
        try expectBytes(256, [1, 0xC4, 0x00, 0x01])
        try expectBytes(65536, [1, 0xC5, 0x00, 0x00, 0x01, 0x00])
        try expectBytes(1 << 32, [1, 0xC6, 0, 0, 0, 0, 1, 0, 0, 0])
        try expectBytes(-1, [1, 0xFF])
        try expectBytes(-32, [1, 0xE0])
        try expectBytes(-33, [1, 0xC7, 0xDF])
        try expectBytes(-129, [1, 0xC8, 0x7F, 0xFF])
        try expectBytes(Int(Int16.min) - 1, [1, 0xC9, 0xFF, 0x7F, 0xFF, 0xFF])
        try expectBytes(Int(Int32.min) - 1, [1, 0xCA, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF])
        try expectBytes(Int128.min, [1, 0xCB] + [UInt8](repeating: 0, count: 15) + [0x80])
        try expectBytes(UInt128.max, [1, 0xCC] + [UInt8](repeating: 0xFF, count: 16))
        try expectBytes(true, [1, 0xC2])
        try expectBytes(false, [1, 0xC1])
        try expectBytes(Int?.none, [1, 0xC0])
        try expectBytes(Float(1), [1, 0xCD, 0, 0, 0x80, 0x3F])
        try expectBytes(1.0, [1, 0xCE, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
        try expectBytes("", [1, 0x80])
        try expectBytes("abc", [1, 0x83, 0x61, 0x62, 0x63])
        try expectBytes(String(repeating: "a", count: 64), [1, 0xCF, 64] + [UInt8](repeating: 0x61, count: 64))
        try expectBytes(
            String(repeating: "a", count: 256), [1, 0xD0, 0, 1, 0, 0] + [UInt8](repeating: 0x61, count: 256))
    }

    @Test func containers() throws {
        try expectBytes([Int](), [1, 0xD1, 0xC3, 0])
        try expectBytes([1, 300], [1, 0xD1, 0xC4, 4, 1, 0, 0x2C, 1])
        try expectBytes([-1, 1], [1, 0xD1, 0xC7, 2, 0xFF, 1])
        try expectBytes([0.5], [1, 0xD1, 0xCE, 8, 0, 0, 0, 0, 0, 0, 0xE0, 0x3F])
        try expectBytes(
            [UInt8](repeating: 9, count: 256), [1, 0xD2, 0xC3, 0, 1, 0, 0] + [UInt8](repeating: 9, count: 256))
        try expectBytes(["a", "b"], [1, 0xD3, 4, 2, 0x81, 0x61, 0x81, 0x62])
        try expectBytes(
            [Bool](repeating: true, count: 256),
            [1, 0xD4, 0, 1, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 0xC2, count: 256))
        // Names of a dictionary stand where they are used: length times two, plus one.
        try expectBytes(["ab": 1], [1, 0xD5, 4, 0x05, 0x61, 0x62, 0x01])
        try expectBytes(
            ["a": String(repeating: "b", count: 256)],
            [1, 0xD6, 0x07, 0x01, 0, 0, 0x03, 0x61, 0xD0, 0, 1, 0, 0] + [UInt8](repeating: 0x62, count: 256))
        try expectBytes(
            Command.run(name: "x", times: 2),
            [1, 0xD5, 8, 0x00, 0xD5, 5, 0x02, 0x81, 0x78, 0x04, 0x02]
                + [3, 3] + Array("run".utf8) + [4] + Array("name".utf8) + [5] + Array("times".utf8))
    }
}
