import TestSupport
import Testing

/// The shape in `Documentation/Architecture.md` is that of the manifest.
@Suite(.watched) struct ArchitectureTests {
    @Test func arrowsAreThoseOfTheManifest() throws {
        let block = try #require(try Document("Documentation/Architecture.md").blocks("arrows").first)
        var documented: [String: [String]] = [:]
        for line in block.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            documented[words[0]] = Array(words.dropFirst())
        }
        var declared: [String: [String]] = ["CIPC": []]
        let manifest = try Document("Package.swift").text
        let table = try #require(manifest.firstMatch(of: /let modules:[^\n]*= \[\n((?:    .*\n)+)\]/))
        for match in table.1.matches(of: /\(\s*"(\w+)",\s*\[([^\]]*)\]/) {
            declared[String(match.1)] = match.2.matches(of: /"(\w+)"/).map { String($0.1) }
        }
        #expect(documented == declared)
    }
}
