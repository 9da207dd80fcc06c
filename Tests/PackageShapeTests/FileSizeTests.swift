import TestSupport
import Testing

/// Small files, one idea each.
@Suite(.watched) struct FileSizeTests {
    static let limit = 300

    @Test func filesAreShort() throws {
        for file in try Repository.sources.get() + Repository.tests.get() {
            #expect(file.lineCount <= Self.limit, "\(file.path) has \(file.lineCount) lines: split it by topic")
        }
    }

    @Test func nothingIsLeftForLater() throws {
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
        for file in try Repository.sources.get() + Repository.tests.get() {
            for word in words where file.text.contains(word) { Issue.record("\(file.path) says \(word)") }
        }
    }
}

extension Repository.SourceFile {
    /// A file ends with a line break, after which nothing comes.
    var lineCount: Int { lines.last == "" ? lines.count - 1 : lines.count }
}
