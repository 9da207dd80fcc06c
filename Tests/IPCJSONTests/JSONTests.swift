import Foundation
import IPCJSON
import TestSupport
import Testing

@Suite(.watched) struct JSONTests {
    private struct Job: Codable, Sendable, Equatable {
        struct Part: Codable, Equatable { var size: Int }

        var name: String
        var parts: [Part]
        var due: Date?
    }

    private func encode<Value: Codable & Sendable>(
        _ value: Value, _ codec: MessageCodec<Value, Value> = .json
    ) throws -> [UInt8] {
        var buffer = MessageBuffer()
        try codec.encode(value, into: &buffer)
        return [UInt8](buffer.bytes)
    }

    private func decode<Value: Codable & Sendable>(
        _ type: Value.Type, _ text: String, _ codec: MessageCodec<Value, Value> = .json
    ) throws -> Value {
        try unsafe codec.decode(Array(text.utf8).span.bytes)
    }

    @Test func valuesAreOrdinaryJSON() throws {
        let job = Job(name: "a\"b", parts: [.init(size: 1)], due: nil)
        let bytes = try encode(job)
        #expect(try JSONDecoder().decode(Job.self, from: Data(bytes)) == job)
        #expect(try decode(Job.self, #"{"parts":[{"size":2}],"name":"x","unknown":[1]}"#).parts == [.init(size: 2)])
        #expect(try encode([1, 2]) == Array("[1,2]".utf8))
        #expect(try encode("text") == Array("\"text\"".utf8))
    }

    @Test func theTwoTypesAreIndependent() throws {
        let codec = MessageCodec<Int, String>.json
        var buffer = MessageBuffer()
        try codec.encode("out", into: &buffer)
        #expect([UInt8](buffer.bytes) == Array("\"out\"".utf8))
        #expect(try unsafe codec.decode(Array("7".utf8).span.bytes) == 7)
    }

    @Test func encoderAndDecoderOfOnesOwn() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        let codec = MessageCodec<Job, Job>.json(encoder: encoder, decoder: decoder)
        let job = Job(name: "n", parts: [], due: Date(timeIntervalSince1970: 0))
        let bytes = try encode(job, codec)
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"due":"1970-01-01T00:00:00Z","name":"n","parts":[]}"#)
        #expect(try unsafe codec.decode(bytes.span.bytes) == job)
    }

    @Test func errorsTellThePlace() throws {
        let wrongType = try #require(throws: IPCError.self) {
            try decode(Job.self, #"{"name":"x","parts":[{"size":1},{"size":"large"}]}"#)
        }
        #expect(wrongType.code == .decodingFailed)
        #expect(wrongType.message.contains("at `parts[1].size`: expected Int"), "\(wrongType)")
        let missing = try #require(throws: IPCError.self) { try decode(Job.self, #"{"name":"x"}"#) }
        #expect(missing.message.contains("`parts`"), "\(missing)")
        let unencodable = try #require(throws: IPCError.self) { try encode(Double.infinity) }
        #expect(unencodable.code == .encodingFailed)
    }

    @Test(arguments: ["", "{", "nul", "[1,]", "{\"name\":1}", "\u{0}"])
    func whatIsNoJSONIsAnError(_ text: String) throws {
        let error = try #require(throws: IPCError.self) { try decode(Job.self, text) }
        #expect(error.code == .decodingFailed)
    }

    @Test func depthIsBounded() throws {
        let error = try #require(throws: IPCError.self) { try decode(Job.self, String(repeating: "[", count: 100_000)) }
        #expect(error.code == .decodingFailed)
    }

    @Test func randomBytesNeverCrash() throws {
        var state: UInt64 = 99
        for _ in 0..<2000 {
            let bytes = (0..<40).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
            #expect(throws: IPCError.self) { try unsafe MessageCodec<Job, Job>.json.decode(bytes.span.bytes) }
        }
    }
}
