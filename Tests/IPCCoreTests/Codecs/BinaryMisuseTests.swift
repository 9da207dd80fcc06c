import IPCCore
import TestSupport
import Testing

/// What `Codable` code of a program may do wrong, and what the codec answers.
@Suite(.watched) struct BinaryMisuseTests {
    private struct Refuses: Codable {
        struct Reason: Error {}

        init() {}
        init(from decoder: any Decoder) throws { throw Reason() }
        func encode(to encoder: any Encoder) throws { throw Reason() }
    }

    @Test func errorsOfTheTypesThemselvesArePassedOn() throws {
        let encoding = try #require(throws: IPCError.self) { try BinaryCodec.encode([Refuses()]) }
        #expect(encoding.code == .encodingFailed && encoding.message.contains("Reason"))
        let decoding = try #require(throws: IPCError.self) { try BinaryCodec.decode(Refuses.self, from: [1, 0]) }
        #expect(decoding.code == .decodingFailed && decoding.message.contains("Reason"))
    }

    @Test func nothingIsLeftOfAValueThatFailed() throws {
        struct Careful: Encodable {
            enum Keys: CodingKey { case first, bad, list, last }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(1, forKey: .first)
                try? container.encode(["deep": [Refuses()]], forKey: .bad)
                var list = container.nestedUnkeyedContainer(forKey: .list)
                try list.encode(2)
                try? list.encode([Refuses()])
                try list.encode(3)
                try container.encode(4, forKey: .last)
            }
        }
        struct Read: Decodable, Equatable {
            var first: Int
            var list: [Int]
            var last: Int
        }
        let bytes = try BinaryCodec.encode(Careful())
        #expect(try BinaryCodec.decode(Read.self, from: bytes) == Read(first: 1, list: [2, 3], last: 4))
        var buffer = MessageBuffer()
        buffer.append(7)
        #expect(throws: IPCError.self) { try BinaryCodec.encode([Refuses()], into: &buffer) }
        #expect([UInt8](buffer.bytes) == [7])
    }

    private final class Linked: Codable {
        var next: Linked?

        init(length: Int) { next = length > 1 ? Linked(length: length - 1) : nil }
    }

    @Test func tooDeepIsRefusedBeforeItIsSent() throws {
        // What is accepted on the way out is accepted on the way in.
        for length in [1, 63, 127, 128, 129, 1000] {
            do {
                let bytes = try BinaryCodec.encode(Linked(length: length))
                _ = try BinaryCodec.decode(Linked.self, from: bytes)
                #expect(length <= 128)
            } catch {
                #expect(length > 63)
                #expect(error.code == .encodingFailed, "\(error)")
                #expect(error.message.contains("nested deeper than 128 levels"))
            }
        }
    }

    @Test func aSecondValueOrAnotherKindOfContainerIsRefused() throws {
        struct TwoValues: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(1)
                try container.encode(2)
            }
        }
        struct TwoKinds: Encodable {
            enum Keys: CodingKey { case one }

            func encode(to encoder: any Encoder) throws {
                var list = encoder.unkeyedContainer()
                try list.encode(1)
                var fields = encoder.container(keyedBy: Keys.self)
                try fields.encode(2, forKey: .one)
            }
        }
        for value in [TwoValues(), TwoKinds()] as [any Encodable] {
            let error = try #require(throws: IPCError.self) { try BinaryCodec.encode(value) }
            #expect(error.message.contains("out of turn"), "\(error)")
        }
    }

    /// Keeps what it was given, which it should not.
    private final class Keeper: Codable {
        enum Keys: CodingKey { case one }

        var encoder: (any Encoder)?
        var container: (any UnkeyedEncodingContainer)?
        var decoder: (any Decoder)?

        init() {}

        init(from decoder: any Decoder) throws { self.decoder = decoder }

        func encode(to encoder: any Encoder) throws {
            self.encoder = encoder
            var list = encoder.unkeyedContainer()
            try list.encode("kept")
            container = list
        }
    }

    @Test func whatWasKeptIsDeadAfterwards() throws {
        let sent = Keeper()
        let read = try BinaryCodec.decode(Keeper.self, from: BinaryCodec.encode(sent))
        var container = try #require(sent.container)
        #expect(throws: (any Error).self) { try container.encode("more") }
        var fields = try #require(sent.encoder).container(keyedBy: Keeper.Keys.self)
        #expect(throws: (any Error).self) { try fields.encode(1, forKey: .one) }
        let decoder = try #require(read.decoder)
        #expect(throws: (any Error).self) { try decoder.unkeyedContainer() }
        #expect(decoder.codingPath.isEmpty)
        // And other messages do not meet it.
        #expect(try BinaryCodec.encode("next") == [1, 0x84, 0x6E, 0x65, 0x78, 0x74])
        #expect(try BinaryCodec.decode(String.self, from: [1, 0x81, 0x61]) == "a")
    }

    @Test func aDecoderMayBeUsedLaterInTheSameMessage() throws {
        struct Later: Decodable {
            struct Kept: Decodable {
                let decoder: any Decoder
                init(from decoder: any Decoder) throws { self.decoder = decoder }
            }

            var jobs: [Job] = []

            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                var kept: [Kept] = []
                while !container.isAtEnd { kept.append(try container.decode(Kept.self)) }
                for one in kept.reversed() { jobs.append(try Job(from: one.decoder)) }
            }
        }
        let jobs = (0..<5).map { Job(path: "\($0)", count: $0, tags: [$0], note: nil) }
        let later = try BinaryCodec.decode(Later.self, from: BinaryCodec.encode(jobs))
        #expect(later.jobs == jobs.reversed())
    }

    @Test func codingPathsAreRightOnBothSides() throws {
        struct Spy: Codable {
            var path: String

            init() { path = "" }

            init(from decoder: any Decoder) throws {
                path = decoder.codingPath.map(\.stringValue).joined(separator: "/")
            }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(encoder.codingPath.map(\.stringValue).joined(separator: "/"))
            }
        }
        struct Outer: Codable {
            var list = [["a": Spy()], ["b": Spy()]]
            var one: Spy? = Spy()
        }
        let bytes = try BinaryCodec.encode(Outer())
        let read = try BinaryCodec.decode(Outer.self, from: bytes)
        #expect(read.list[1]["b"]?.path == "list/1/b" && read.one?.path == "one")
        struct Texts: Codable {
            var list: [[String: String]]
            var one: String
        }
        let written = try BinaryCodec.decode(Texts.self, from: bytes)
        #expect(written.list[1]["b"] == "list/1/b" && written.one == "one")
    }

    @Test func manyThreadsAtOnce() async throws {
        let expected = Everything()
        let failures = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var failures = 0
                    for _ in 0..<100 {
                        let bytes = try? BinaryCodec.encode(expected)
                        if (try? BinaryCodec.decode(Everything.self, from: bytes ?? [])) != expected { failures += 1 }
                    }
                    return failures
                }
            }
            return await group.reduce(0, +)
        }
        #expect(failures == 0)
    }
}
