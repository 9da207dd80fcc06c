import IPCProcess
import Testing

@Suite(.inTurn) struct ProgramTests {
    @Test func firstProgramAnswers() async throws {
        let output = try await Example.command("first-program").output().checked()
        #expect(output.lines == ["the child answered: olleh", "the child exited with 0"])
    }

    @Test func pipelineCountsAndRedirects() async throws {
        try await withTemporaryFolder { folder in
            try makeFile("text", in: folder, "the cat and the dog and the bird\n")
            let output = try await Example.command("pipeline", ["\(folder)/text"]).output().checked()
            #expect(output.lines[0].split(separator: " ") == ["3", "the"])
            #expect(output.lines[1].split(separator: " ") == ["2", "and"])
            let statuses = try #require(output.lines.first { $0.hasPrefix("stages: ") })
            #expect(statuses == "stages: " + Array(repeating: "exited with 0", count: 5).joined(separator: ", "))
            #expect(
                output.lines.last == "redirected: to standard output + to standard error, the program exited with 3")
        }
    }

    @Test func pipelineSaysWhatIsWrong() async throws {
        let output = try await Example.command("pipeline", ["/nonexistent"]).output()
        #expect(output.status == .exited(1))
        #expect(output.text.contains("notFound"))
    }

    @Test func echoServerServesThreeClients() async throws {
        let output = try await Example.command("echo-server").output().checked()
        for number in 1...3 { #expect(output.lines.contains("client \(number) exited with 0")) }
        #expect(output.lines.filter { $0.hasPrefix("a client of user") }.count == 3)
    }
}
