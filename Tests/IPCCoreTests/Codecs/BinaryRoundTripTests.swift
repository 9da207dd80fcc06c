import IPCCore
import TestSupport
import Testing

@Suite(.watched) struct BinaryRoundTripTests {
    private func check<Value: Codable & Equatable>(
        _ value: Value, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let bytes = try BinaryCodec.encode(value)
        #expect(try BinaryCodec.decode(Value.self, from: bytes) == value, sourceLocation: sourceLocation)
    }

    @Test func everythingAtOnce() throws {
        try check(Everything())
        try check([Everything(), Everything(flag: false, text: String(repeating: "x", count: 100_000))])
    }

    @Test(arguments: [
        0, 1, 127, 128, 255, 256, 65535, 65536, 4_294_967_295, 4_294_967_296, .max, -1, -32, -33, -128, -129, -32768,
        -32769, -2_147_483_648, -2_147_483_649, .min,
    ])
    func integersOfEveryWidth(_ number: Int) throws {
        try check(number)
        try check([number])
        try check([number, 0, -1])
        try check(Set([number]))
        try check(Int128(number) * Int128(Int.max))
        try check(number.magnitude)
        try check(UInt128(number.magnitude) << 60)
    }

    @Test(arguments: [0, 1, 63, 64, 255, 256, 257, 65535, 70000])
    func lengthsAroundEveryBorder(_ length: Int) throws {
        try check(String(repeating: "a", count: length))
        try check([UInt8](repeating: 7, count: length))
        try check([Double](repeating: 0.5, count: length / 8))
        try check([Bool](repeating: true, count: length))
        try check([Bool?](repeating: nil, count: length))
        try check([String](repeating: "", count: length))
        try check(["key": String(repeating: "b", count: length)])
        try check(Command.write([UInt8](repeating: 1, count: length)))
        try check(Job(path: String(repeating: "p", count: length), count: 0, tags: [length], note: ""))
    }

    @Test func floatsKeepEveryBit() throws {
        for bits in [0, 1, 0x8000_0000_0000_0000, 0x7FF8_0000_0000_0001, 0xFFF0_0000_0000_0000] as [UInt64] {
            let bytes = try BinaryCodec.encode(Double(bitPattern: bits))
            #expect(try BinaryCodec.decode(Double.self, from: bytes).bitPattern == bits)
        }
        let bytes = try BinaryCodec.encode([Float(bitPattern: 0x7FC0_1234)])
        #expect(try BinaryCodec.decode([Float].self, from: bytes)[0].bitPattern == 0x7FC0_1234)
    }

    @Test func enumsWithAssociatedValues() throws {
        try check(Command.stop)
        try check(Command.run(name: "x", times: -1))
        try check([Command.both(.both(.stop, .run(name: "", times: 0)), .write([9])), .stop])
    }

    @Test func optionals() throws {
        try check(Int?.none)
        try check(Int?.some(0))
        try check([Job?.none, Job(path: "", count: 0, tags: [], note: nil)])
        try check([String: Int?].init(dictionaryLiteral: ("a", nil), ("b", 2)))
    }

    @Test func dictionariesOfManyKeys() throws {
        try check(Dictionary(uniqueKeysWithValues: (0..<1000).map { ("key \($0)", $0) }))
        try check(Dictionary(uniqueKeysWithValues: (0..<1000).map { ($0 - 500, "\($0)") }))
        try check([String(repeating: "k", count: 300): [String(repeating: "l", count: 70000): 1]])
    }

    @Test func manyKindsOfFields() throws {
        // More names than the table starts with, some of them twice.
        struct Wide: Codable, Equatable {
            var values: [String: Int]

            struct Name: CodingKey {
                // Two bytes, so that the names are numbered.
                let number: UInt16
                var stringValue: String { "field \(number)" }
                var intValue: Int? { nil }

                init(number: UInt16) { self.number = number }
                init?(stringValue: String) {
                    guard let number = UInt16(stringValue.dropFirst(6)) else { return nil }
                    self.number = number
                }
                init?(intValue: Int) { nil }
            }

            init(values: [String: Int]) { self.values = values }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Name.self)
                for number in 0..<UInt16(values.count) {
                    let name = Name(number: number)
                    try container.encode(values[name.stringValue] ?? -1, forKey: name)
                }
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Name.self)
                values = [:]
                for name in container.allKeys.reversed() {
                    values[name.stringValue] = try container.decode(Int.self, forKey: name)
                }
            }
        }
        for count in [0, 1, 31, 32, 33, 200, 700] {
            let wide = Wide(values: Dictionary(uniqueKeysWithValues: (0..<count).map { ("field \($0)", $0) }))
            try check([wide, wide])
        }
    }

    @Test func superclasses() throws {
        let derived = try BinaryCodec.decode(
            Derived.self, from: BinaryCodec.encode(Derived(name: "n", size: 3)))
        #expect(derived.name == "n" && derived.size == 3)
        let flat = try BinaryCodec.decode(Flat.self, from: BinaryCodec.encode(Flat(name: "m", size: 4)))
        #expect(flat.name == "m" && flat.size == 4)
    }

    @Test func containersFilledInTurns() throws {
        try check(Interleaved(left: [1, 2, 3], right: [4, 5], after: "end"))
        try check(Interleaved(left: [], right: [], after: ""))
        try check(
            [
                Interleaved(left: Array(0..<500), right: Array(0..<1000), after: "long"),
                Interleaved(left: [1], right: [2], after: "again"),
            ])
    }

    @Test func typesThatTryOneFormAfterTheOther() throws {
        try check([Either.number(1), .text("two"), .number(-3)])
        // Each failed try must cost as little as the first: no path is worked out for it.
        try check([Either](repeating: .text("no number"), count: 20_000))
    }

    @Test func appendsToWhatIsInTheBuffer() throws {
        var buffer = MessageBuffer()
        buffer.append(0xAA)
        try BinaryCodec.encode(Job(path: "a", count: 1, tags: [2], note: nil), into: &buffer)
        let all = [UInt8](buffer.bytes)
        #expect(all[0] == 0xAA)
        #expect(try BinaryCodec.decode(Job.self, from: Array(all[1...])).path == "a")
    }

    @Test func anArrayOfIntegersIsPacked() throws {
        #expect(try BinaryCodec.encode([Int](repeating: 5, count: 1000)).count == 1007)
        #expect(try BinaryCodec.encode([Int](repeating: 5000, count: 1000)).count == 2007)
        #expect(try BinaryCodec.encode([UInt8](repeating: 255, count: 1000)).count == 1007)
    }

    @Test func eachNameStandsOnce() throws {
        let one = try BinaryCodec.encode([Job(path: "", count: 0, tags: [], note: nil)]).count
        let two = try BinaryCodec.encode([Job](repeating: Job(path: "", count: 0, tags: [], note: nil), count: 2)).count
        // Tag and length, three numbered fields with a byte each for their names.
        #expect(two - one == 2 + 3 + 1 + 1 + 3)
    }
}
