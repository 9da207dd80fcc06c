import IPCCore
import IPCPipes
import IPCSystem
import TestSupport
import Testing

/// The worked example of `Documentation/WireFormat.md` is what really travels.
@Suite(.watched) struct WireFormatTests {
    /// The bytes of the example.
    static func example() throws -> [UInt8] {
        let block = try #require(try Document("Documentation/WireFormat.md").blocks("hex frames").first)
        return block.split(separator: "\n").flatMap { line in
            // What follows the bytes of a line says what they are.
            line.split(separator: " ").prefix { $0.count == 2 && UInt8($0, radix: 16) != nil }
                .map { UInt8($0, radix: 16)! }
        }
    }

    /// A pipe whose ends have different framings.
    static func makePipe(
        reading: PipeFraming, writing: PipeFraming
    ) throws -> (reader: PipeReader, writer: PipeWriter) {
        let ends = try DescriptorCalls.makePipe()
        return (
            try PipeReader(OwnedDescriptor(owning: ends.reading), PipeOptions(framing: reading)),
            try PipeWriter(OwnedDescriptor(owning: ends.writing), PipeOptions(framing: writing))
        )
    }

    /// The versions that the text names are those that are spoken.
    @Test func versionsAreThoseOfTheText() throws {
        let text = try Document("Documentation/WireFormat.md").text
        #expect(text.contains("4 bytes `IPCC` (49 50 43 43), version (4 bytes, \(CallWire.version)),"))
    }

    @Test func writerWritesTheExample() async throws {
        let pipe = try Self.makePipe(reading: .bytes, writing: .messages)
        try await pipe.writer.send(Array("hello".utf8))
        try await pipe.writer.send([])
        try await pipe.writer.finish()
        var found: [UInt8] = []
        while let bytes = try await pipe.reader.receive() { found += bytes }
        #expect(found == (try Self.example()))
    }

    @Test func readerReadsTheExample() async throws {
        let pipe = try Self.makePipe(reading: .messages, writing: .bytes)
        let example = try Self.example()
        #expect(example.count == 69)
        try await pipe.writer.send(example)
        #expect(try await pipe.reader.receive() == Array("hello".utf8))
        #expect(try await pipe.reader.receive() == [])
        #expect(try await pipe.reader.receive() == nil)
    }

    /// Byte by byte, the last one missing: everything before the cut is delivered, and the cut is told from a death.
    @Test func readerToldTheCutFromTheDeath() async throws {
        let example = try Self.example()
        for end in 0..<example.count {
            let pipe = try Self.makePipe(reading: .messages, writing: .bytes)
            if end > 0 { try await pipe.writer.send(Array(example[..<end])) }
            pipe.writer.close()
            var received: [[UInt8]] = []
            do throws(IPCError) {
                while let message = try await pipe.reader.receive() { received.append(message) }
                Issue.record("a stream of \(end) bytes finished")
            } catch {
                let isBetweenFrames = [0, 16, 37, 53].contains(end)
                #expect(error.code == (isBetweenFrames ? .peerClosed : .truncated), "after \(end) bytes")
            }
            #expect(received.count == (end >= 53 ? 2 : end >= 37 ? 1 : 0))
        }
    }

    @Test func pythonInTheTextIsTheFile() throws {
        let blocks = try Document("Documentation/WireFormat.md").blocks("python")
        #expect(blocks.first == (try Document("Documentation/Examples/frames.py").text))
        #expect(blocks.last == (try Document("Documentation/Examples/inherited.py").text))
    }
}
