import Foundation

/// A text of the repository, and the blocks of code in it.
struct Document {
    /// The folder of `Package.swift`.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    let path: String
    let text: String

    init(_ path: String) throws {
        self.path = path
        text = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// The README and everything in Documentation that is Markdown.
    static func all() throws -> [Document] {
        let folder = root.appending(path: "Documentation")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))
        return try ["README.md", "CHANGELOG.md"].map(Document.init)
            + names.filter { $0.hasSuffix(".md") }.sorted().map { try Document("Documentation/\($0)") }
    }

    /// The content of the fenced blocks that begin with ``` and `info`.
    func blocks(_ info: String) -> [String] {
        var found: [String] = []
        var current: [Substring]?
        var isOther = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let lines = current {
                    found.append(lines.map { "\($0)\n" }.joined())
                    current = nil
                } else if isOther {
                    isOther = false
                } else if line == "```\(info)" {
                    current = []
                } else {
                    isOther = true
                }
            } else {
                current?.append(line)
            }
        }
        return found
    }

    /// The text without its fenced blocks and without code in a line.
    var prose: String {
        var isCode = false
        var kept: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") { isCode.toggle() } else if !isCode { kept.append(line) }
        }
        return kept.joined(separator: "\n").replacing(/`[^`\n]*`/, with: "")
    }

    /// The headings as the anchors that links name.
    var anchors: Set<String> {
        var isCode = false
        var found: Set<String> = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("```") { isCode.toggle() }
            guard !isCode, line.hasPrefix("#") else { continue }
            let title = line.drop { $0 == "#" || $0 == " " }.lowercased()
            found.insert(
                String(title.filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }.map { $0 == " " ? "-" : $0 }))
        }
        return found
    }
}
