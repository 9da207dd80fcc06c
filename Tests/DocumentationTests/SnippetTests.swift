import Foundation
import TestSupport
import Testing

/// The Swift in the guides stands in files that are compiled with the examples, and run where that takes no more than themselves.
@Suite(.watched) struct SnippetTests {
    private static let folder = "Documentation/Examples/Tests/ExamplesTests"

    /// The lines without indentation and without empty ones. A file of tests has no entry point.
    private func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            .map { $0.hasPrefix("@main ") ? String($0.dropFirst("@main ".count)) : $0 }
    }

    private func isPart(_ part: [String], of whole: [String]) -> Bool {
        guard let first = part.first, part.count <= whole.count else { return false }
        return whole.indices.dropLast(part.count - 1).contains { start in
            whole[start] == first && whole[start..<start + part.count].elementsEqual(part)
        }
    }

    private func check(_ blocks: [String], _ file: String) throws {
        let compiled = lines(try Document("\(Self.folder)/\(file)").text)
        for block in blocks {
            // An import stands at the top of the file, whatever else is between.
            let shown = lines(block).filter { !$0.hasPrefix("import ") }
            #expect(isPart(shown, of: compiled), "not in \(Self.folder)/\(file):\n\(block)")
        }
    }

    @Test func whatIsShownOfLocksIsCompiled() throws {
        let folder = Document.root.appending(path: "Sources/IPCSync/IPCSync.docc").path(percentEncoded: false)
        let articles = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".md") }
        var blocks = try Document("Documentation/Synchronization.md").blocks("swift")
        #expect(blocks.count > 8)
        for article in articles { blocks += try Document("Sources/IPCSync/IPCSync.docc/\(article)").blocks("swift") }
        let inReadme = try Document("README.md").blocks("swift").filter { $0.contains("ProcessMutex") }
        #expect(inReadme.count == 1)
        try check(blocks + inReadme, "SynchronizationSnippets.swift")
    }

    @Test(arguments: [
        (
            "CallSnippets.swift",
            ["Documentation/Calls.md", "Sources/IPCDistributed/IPCDistributed.docc/IPCDistributed.md"]
        ),
        ("WorkerSnippets.swift", ["Documentation/WorkerPools.md", "Sources/IPCWorkers/IPCWorkers.docc/IPCWorkers.md"]),
        ("ServerSnippets.swift", ["Documentation/MultiProcessServers.md"]),
        ("SocketSnippets.swift", ["Documentation/Sockets.md", "Documentation/Signals.md"]),
    ])
    func whatIsShownIsCompiled(_ file: String, _ texts: [String]) throws {
        for text in texts {
            let blocks = try Document(text).blocks("swift")
            #expect(!blocks.isEmpty, "\(text)")
            try check(blocks, file)
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
