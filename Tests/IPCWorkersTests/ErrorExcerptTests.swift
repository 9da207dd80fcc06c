import Testing

@testable import IPCWorkers

/// What is kept of a worker's standard error.
struct ErrorExcerptTests {
    private func excerpt(_ pieces: [String], tailSize: Int = 100) -> String {
        var excerpt = ErrorExcerpt(tailSize: tailSize)
        for piece in pieces { excerpt.append(Array(piece.utf8)) }
        return excerpt.text
    }

    private let frames = (0..<500).map { "\($0) frame\n" }.joined()

    @Test func whatIsShortIsKeptWhole() {
        #expect(excerpt(["one\n", "two\n"]) == "one\ntwo")
        #expect(excerpt([]) == "")
        #expect(excerpt(["one"], tailSize: 0) == "")
    }

    @Test func whatIsLongerThanTheTailAndShorterThanTheHeadIsKeptWhole() {
        let text = String(frames.prefix(1500))
        #expect(excerpt([text + "x"]) == text + "x")
    }

    @Test func theFirstOfALongTextIsKept() {
        let text = excerpt(["the cause\n", frames, "the end"])
        #expect(text.hasPrefix("the cause\n0 frame\n"))
        #expect(text.hasSuffix("499 frame\nthe end"))
        #expect(text.contains("bytes left out]"))
        #expect(text.utf8.count < 2048 + 100 + 40)
    }

    @Test func aFatalErrorIsKeptWhateverComesBeforeAndAfter() {
        // In pieces, as a pipe may give them.
        let text = excerpt([frames, frames, "A.swift:7: Fatal er", "ror: no such apple\n", frames, frames, "the end"])
        #expect(text.hasPrefix("A.swift:7: Fatal error: no such apple\n0 frame"))
        #expect(text.hasSuffix("the end"))
    }

    @Test func theLastFatalErrorCounts() {
        let text = excerpt(["Fatal error: first\n", frames, "Fatal error: second\n", frames])
        #expect(text.hasPrefix("Fatal error: second"))
        #expect(!text.contains("first"))
    }

    @Test func theTailAloneWhereItHasTheFatalError() {
        #expect(excerpt([frames, "\nFatal error: short\n"]).hasSuffix("499 frame\n\nFatal error: short"))
        #expect(!excerpt([frames, "\nFatal error: short\n"]).contains("left out"))
    }
}
