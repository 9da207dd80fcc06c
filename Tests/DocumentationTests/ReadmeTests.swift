import TestSupport
import Testing

/// What the README shows is what is there.
@Suite(.watched) struct ReadmeTests {
    @Test func firstProgramIsTheExample() throws {
        let example = try Document("Documentation/Examples/Sources/first-program/FirstProgram.swift").text
        let blocks = try Document("README.md").blocks("swift")
        #expect(blocks.first == example)
        #expect(example.split(separator: "\n").count <= 25)
    }

    @Test func commandsAreThoseThatAreChecked() throws {
        let commands = try #require(try Document("README.md").blocks("sh").first).split(separator: "\n")
        #expect(commands == ["swift run -c release ipcctl tour", "swift test"])
        let checks = try Document(".ci/run").text
        for command in commands { #expect(checks.contains(" \(command)\n")) }
    }

    @Test func modulesOfTheTableExist() throws {
        let manifest = try Document("Package.swift").text
        for match in try Document("README.md").text.matches(of: /`(IPC[A-Z]\w*)`/)
        where !["IPCError", "IPCActorSystem"].contains(match.1) {
            #expect(manifest.contains("\"\(match.1)\""), "the README names \(match.1)")
        }
    }

    @Test func everyTextIsListed() throws {
        let readme = try Document("README.md").text
        for document in try Document.all() where document.path.hasPrefix("Documentation/") {
            #expect(readme.contains("(\(document.path))"), "the README does not list \(document.path)")
        }
    }
}
