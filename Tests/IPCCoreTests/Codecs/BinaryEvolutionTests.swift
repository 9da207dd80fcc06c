import IPCCore
import TestSupport
import Testing

/// Two sides that were built at different times.
@Suite(.watched) struct BinaryEvolutionTests {
    private struct Old: Codable, Equatable {
        var id: Int
        var name: String
    }

    private struct New: Codable, Equatable {
        struct Detail: Codable, Equatable { var lines: [String: [Int]] }

        var detail: Detail?
        var name: String
        var priority: Int?
        var id: Int
        var weights: [Double]?
    }

    private struct Wider: Codable, Equatable {
        var count: Int64
        var ratio: Double
        var list: [Int]
        var set: Set<Int>
    }

    private struct Narrow: Codable, Equatable {
        var count: UInt8
        var ratio: Float
        var list: [Int8]
        var set: [UInt16]
    }

    @Test func fieldsThatTheReceiverDoesNotKnowAreSkipped() throws {
        let new = New(
            detail: .init(lines: ["a": [1, 2], "b": []]), name: "n", priority: 1, id: 7, weights: [1, 2])
        let read = try BinaryCodec.decode([Old].self, from: BinaryCodec.encode([new, new]))
        #expect(read == [Old(id: 7, name: "n"), Old(id: 7, name: "n")])
    }

    @Test func optionalFieldsThatTheSenderDoesNotKnowAreNil() throws {
        let read = try BinaryCodec.decode([New].self, from: BinaryCodec.encode([Old(id: 7, name: "n")]))
        #expect(read == [New(detail: nil, name: "n", priority: nil, id: 7, weights: nil)])
    }

    @Test func aRequiredFieldThatIsMissingIsNamed() throws {
        struct Less: Codable { var id: Int }
        let error = try #require(throws: IPCError.self) {
            try BinaryCodec.decode([Old].self, from: BinaryCodec.encode([Less(id: 1)]))
        }
        #expect(error.code == .decodingFailed)
        #expect(error.message.contains("at `[0]`: expected a field `name`, found none"), "\(error)")
    }

    @Test func numbersMayWiden() throws {
        let narrow = Narrow(count: 200, ratio: 0.5, list: [1, -1], set: [1, 65535])
        let wide = try BinaryCodec.decode(Wider.self, from: BinaryCodec.encode(narrow))
        #expect(wide == Wider(count: 200, ratio: 0.5, list: [1, -1], set: [1, 65535]))
    }

    @Test func integersMayNarrowIfTheyFit() throws {
        struct Sent: Codable { var count: Int64 }
        struct Read: Codable { var count: UInt8 }
        #expect(try BinaryCodec.decode(Read.self, from: BinaryCodec.encode(Sent(count: 255))).count == 255)
        for count in [256, -1, .max, .min] as [Int64] {
            let error = try #require(throws: IPCError.self) {
                try BinaryCodec.decode(Read.self, from: BinaryCodec.encode(Sent(count: count)))
            }
            #expect(error.message.contains("at `count`: expected UInt8"), "\(error)")
        }
        #expect(throws: IPCError.self) { try BinaryCodec.decode([Int8].self, from: BinaryCodec.encode([1, 128])) }
    }

    @Test func arraysAndSetsAreTheSame() throws {
        #expect(try BinaryCodec.decode(Set<Int>.self, from: BinaryCodec.encode([1, 2, 300])) == [1, 2, 300])
        #expect(try BinaryCodec.decode([Int].self, from: BinaryCodec.encode(Set([5]))) == [5])
        #expect(try BinaryCodec.decode([Double].self, from: BinaryCodec.encode([Float(0.25)])) == [0.25])
        #expect(try BinaryCodec.decode(Set<Double>.self, from: BinaryCodec.encode([0.5])) == [0.5])
        #expect(try BinaryCodec.decode([Int?].self, from: BinaryCodec.encode([3])) == [3])
    }

    @Test func aMismatchTellsPlaceExpectedAndFound() throws {
        struct Sent: Codable { var jobs: [[String: String]] }
        struct Read: Codable { var jobs: [[String: Int]] }
        let error = try #require(throws: IPCError.self) {
            try BinaryCodec.decode(
                Read.self, from: BinaryCodec.encode(Sent(jobs: [[:], ["size": "large"]])))
        }
        #expect(error.code == .decodingFailed)
        #expect(error.message == "decode Read: at `jobs[1].size`: expected Int, found a string")
    }

    @Test func anUnknownCaseOfAnEnumIsAnError() throws {
        enum Sent: String, Codable { case red, green }
        enum Read: String, Codable { case red }
        #expect(throws: IPCError.self) { try BinaryCodec.decode(Read.self, from: BinaryCodec.encode(Sent.green)) }
        enum Other: Codable { case halt }
        #expect(throws: IPCError.self) { try BinaryCodec.decode(Command.self, from: BinaryCodec.encode(Other.halt)) }
    }
}
