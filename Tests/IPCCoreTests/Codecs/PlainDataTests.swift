import IPCCore
import TestSupport
import Testing

@Suite(.watched) struct PlainDataTests {
    private struct Padded: PlainData, Equatable {
        var small: UInt8
        var large: UInt64
        var medium: UInt16
        var lanes: SIMD3<Float>
        var inner: Inner
        var last: UInt8
    }

    private struct Inner: PlainData, Equatable {
        var flag: UInt8
        var number: UInt32
    }

    private struct Arrays: PlainData {
        var numbers: InlineArray<3, Inner>
        var end: UInt16
    }

    private struct Tight: PlainData, Equatable {
        var id: UInt32
        var x: Float
        var y: Double
    }

    private func encode<Value: PlainData>(_ value: Value) throws -> [UInt8] {
        var buffer = MessageBuffer()
        try MessageCodec<Value, Value>.plainData.encode(value, into: &buffer)
        return [UInt8](buffer.bytes)
    }

    private func decode<Value: PlainData>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try unsafe MessageCodec<Value, Value>.plainData.decode(bytes.span.bytes)
    }

    /// A value whose memory, padding too, held other bytes before.
    private func dirty<Value: PlainData>(_ type: Value.Type) throws -> Value {
        try decode(type, [UInt8](repeating: 0xAA, count: MemoryLayout<Value>.size))
    }

    @Test func valuesComeBack() throws {
        let padded = Padded(
            small: 1, large: .max, medium: 2, lanes: .init(1, 2, 3), inner: Inner(flag: 4, number: 5), last: 6)
        #expect(try decode(Padded.self, encode(padded)) == padded)
        #expect(try decode(Tight.self, encode(Tight(id: 1, x: 2, y: 3))) == Tight(id: 1, x: 2, y: 3))
        #expect(try decode(Int.self, encode(-7)) == -7)
        #expect(try decode(UInt128.self, encode(UInt128.max)) == .max)
        #expect(try decode(Float16.self, encode(Float16(0.5))) == 0.5)
        #expect(try decode(SIMD64<Int8>.self, encode(SIMD64<Int8>(repeating: -3))) == SIMD64(repeating: -3))
    }

    @Test func paddingIsZeroed() throws {
        let bytes = try encode(dirty(Padded.self))
        var expected = [UInt8](repeating: 0, count: MemoryLayout<Padded>.size)
        func fill(_ offset: Int?, _ count: Int) throws {
            let offset = try #require(offset)
            for index in offset..<offset + count { expected[index] = 0xAA }
        }
        try fill(MemoryLayout<Padded>.offset(of: \.small), 1)
        try fill(MemoryLayout<Padded>.offset(of: \.large), 8)
        try fill(MemoryLayout<Padded>.offset(of: \.medium), 2)
        try fill(MemoryLayout<Padded>.offset(of: \.lanes), 12)
        try fill(MemoryLayout<Padded>.offset(of: \.inner.flag), 1)
        try fill(MemoryLayout<Padded>.offset(of: \.inner.number), 4)
        try fill(MemoryLayout<Padded>.offset(of: \.last), 1)
        #expect(bytes == expected)
        #expect(bytes.count(where: { $0 == 0 }) > 10)
    }

    @Test func paddingInArraysIsZeroed() throws {
        let inner: [UInt8] = [0xAA, 0, 0, 0, 0xAA, 0xAA, 0xAA, 0xAA]
        #expect(try encode(dirty(Arrays.self)) == inner + inner + inner + [0xAA, 0xAA])
    }

    @Test func whatHasNoPaddingIsNotTouched() throws {
        #expect(try encode(dirty(Tight.self)) == [UInt8](repeating: 0xAA, count: 16))
        #expect(try encode(dirty(SIMD4<Double>.self)) == [UInt8](repeating: 0xAA, count: 32))
        #expect(try encode(dirty(InlineArray<5, UInt16>.self)) == [UInt8](repeating: 0xAA, count: 10))
    }

    @Test func everyBitPatternIsAValue() throws {
        var generator = SeededGenerator(state: 43)
        for _ in 0..<1000 {
            let bytes = (0..<MemoryLayout<Tight>.size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(try encode(decode(Tight.self, bytes)) == bytes)
        }
    }

    @Test(arguments: [0, 1, 15, 17, 1000])
    func anotherSizeIsRefused(_ count: Int) throws {
        let error = try #require(throws: IPCError.self) {
            try decode(Tight.self, [UInt8](repeating: 0, count: count))
        }
        #expect(error.code == .decodingFailed)
        #expect(error.message.contains("expected its 16 bytes, found \(count)"))
    }
}
