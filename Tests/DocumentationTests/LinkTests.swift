import Foundation
import TestSupport
import Testing

/// Links between the texts lead somewhere.
@Suite(.watched) struct LinkTests {
    @Test func linksResolve() throws {
        var count = 0
        for document in try Document.all() {
            let folder = Document.root.appending(path: document.path).deletingLastPathComponent()
            for match in document.prose.matches(of: /\[[^\]\n]+\]\(([^)\s]+)\)/) {
                let target = String(match.1)
                count += 1
                if target.hasPrefix("https://") { continue }
                let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
                let file =
                    parts[0].isEmpty ? Document.root.appending(path: document.path) : folder.appending(path: parts[0])
                let path = file.standardizedFileURL.path(percentEncoded: false)
                #expect(FileManager.default.fileExists(atPath: path), "\(document.path) links to \(target)")
                guard parts.count == 2 else { continue }
                let relative = String(path.dropFirst(Document.root.path(percentEncoded: false).count))
                #expect(try Document(relative).anchors.contains(parts[1]), "\(document.path) links to \(target)")
            }
        }
        #expect(count > 10)
    }

    /// Paths in the texts that are written as code exist.
    @Test func pathsResolve() throws {
        for document in try Document.all() {
            for match in document.text.matches(of: /`((?:Sources|Tests|Documentation|\.ci)\/[\w.\/+-]*)`/) {
                let path = Document.root.appending(path: String(match.1)).path(percentEncoded: false)
                #expect(FileManager.default.fileExists(atPath: path), "\(document.path) names \(match.1)")
            }
        }
    }
}
