import TestSupport
import Testing

@testable import IPCProcess

@Suite(.watched) struct LineSplitterTests {
    @Test(arguments: [
        ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]),
        ("\n\na", ["", "", "a"]), ("a\rb\n", ["a\rb"]), ("ä€\n", ["ä€"]),
    ])
    func linesAreCut(_ text: String, _ lines: [String]) throws {
        #expect(LineSplitter.lines(of: Array(text.utf8)) == lines)
        // The same one byte at a time.
        var splitter = LineSplitter()
        var found: [String] = []
        for byte in text.utf8 {
            splitter.append([byte])
            while let line = try splitter.next() { found.append(line) }
        }
        if let rest = splitter.rest() { found.append(rest) }
        #expect(found == lines)
    }

    @Test func bytesThatAreNoTextAreRepaired() {
        #expect(LineSplitter.lines(of: [0x61, 0xff, 0x0a]) == ["a\u{fffd}"])
    }

    @Test func limitHoldsForWholeAndForUnfinishedLines() throws {
        var splitter = LineSplitter(maximumLength: 3)
        splitter.append(Array("abc\nab".utf8))
        #expect(try splitter.next() == "abc")
        #expect(try splitter.next() == nil)
        splitter.append(Array("cd".utf8))
        #expect(throws: IPCError.self) { try splitter.next() }
    }
}
