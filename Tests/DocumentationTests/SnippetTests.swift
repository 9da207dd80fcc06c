import Foundation
import TestSupport
import Testing

/// The Swift in the texts about locks stands in a file that is compiled and run with the examples.
@Suite(.watched) struct SnippetTests {
    private static let compiled = "Documentation/Examples/Tests/ExamplesTests/SynchronizationSnippets.swift"

    /// The lines without indentation and without empty ones.
    private func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    private func isPart(_ part: [String], of whole: [String]) -> Bool {
        guard let first = part.first, part.count <= whole.count else { return false }
        return whole.indices.dropLast(part.count - 1).contains { start in
            whole[start] == first && whole[start..<start + part.count].elementsEqual(part)
        }
    }

    @Test func whatIsShownIsCompiled() throws {
        let compiled = lines(try Document(Self.compiled).text)
        let folder = Document.root.appending(path: "Sources/IPCSync/IPCSync.docc").path(percentEncoded: false)
        let articles = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".md") }
        var blocks = try Document("Documentation/Synchronization.md").blocks("swift")
        #expect(blocks.count > 8)
        for article in articles { blocks += try Document("Sources/IPCSync/IPCSync.docc/\(article)").blocks("swift") }
        let inReadme = try Document("README.md").blocks("swift").filter { $0.contains("ProcessMutex") }
        #expect(inReadme.count == 1)
        for block in blocks + inReadme {
            // An import stands at the top of the file, whatever else is between.
            let shown = lines(block).filter { !$0.hasPrefix("import ") }
            #expect(isPart(shown, of: compiled), "not in \(Self.compiled):\n\(block)")
        }
    }

    /// The table of deaths is the same in the guide and in the article.
    @Test func deathsAreTheSameInBothTexts() throws {
        func rows(_ path: String) throws -> [String] {
            let text = try Document(path).text
            let start = try #require(text.range(of: "<!-- deaths: begin -->"), "\(path)")
            let end = try #require(text.range(of: "<!-- deaths: end -->"), "\(path)")
            return text[start.upperBound..<end.lowerBound].split(separator: "\n").map(String.init)
        }
        let guide = try rows("Documentation/Synchronization.md")
        #expect(guide.count > 30)
        #expect(guide == (try rows("Sources/IPCSync/IPCSync.docc/Deaths.md")))
        // Every public type that somebody can die with has rows.
        for type in [
            "ProcessMutex", "ProcessLock", "ProcessReadWriteLock", "ProcessSemaphore", "ProcessCondition",
            "ProcessBarrier", "ProcessEvent", "ProcessLatch", "ProcessOnce", "LeaderElection", "FileLock",
            "POSIXSemaphore", "SystemVSemaphoreSet", "PthreadMutex",
        ] {
            #expect(guide.contains { $0.hasPrefix("| `\(type)`") }, "\(type)")
        }
    }
}
