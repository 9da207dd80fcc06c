import IPCProcess
import TestSupport
import Testing

@Suite(.watched) struct PipelineTests {
    @Test func readsAsInAShell() async throws {
        let output = try await (Pipeline("printf", "b\\na\\nb\\n") | Command("sort") | Command("uniq", "-c")).output()
        #expect(output.lines.map { $0.split(separator: " ").joined(separator: " ") } == ["1 a", "2 b"])
        #expect(output.statuses == [.exited(0), .exited(0), .exited(0)])
        #expect(try output.checked().status == .exited(0))
    }

    @Test func statusOfEachStageIsTold() async throws {
        let output = try await (Command("sh", "-c", "exit 3") | Command("true") | Command("sh", "-c", "exit 5"))
            .output()
        #expect(output.statuses == [.exited(3), .exited(0), .exited(5)])
        #expect(output.status == .exited(5))
        #expect { try output.checked() } throws: { ($0 as? IPCError)?.message.contains("exited with 5") == true }

        let early = try await (Command("sh", "-c", "echo no >&2; exit 3") | Command("true")).output()
        #expect { try early.checked() } throws: { error in
            (error as? IPCError)?.message.contains("exited with 3: no") == true
        }
    }

    @Test func writerEndsWhenItsReaderHasEnough() async throws {
        let output = try await (Command("yes") | Command("head", "-n", "2")).output()
        #expect(output.text == "y\ny\n")
        #expect(output.statuses == [.signaled(.brokenPipe, coreDumped: false), .exited(0)])
        try output.checked()
    }

    @Test func muchDataGoesThrough() async throws {
        let input = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 9) }
        let output = try await (Command("cat") | Command("cat") | Command("cat")).output(input: input)
        #expect(output.standardOutput == input)
    }

    @Test func standardErrorsAreKeptApart() async throws {
        let output = try await (Command("sh", "-c", "echo 1 >&2; echo x") | Command("sh", "-c", "cat; echo 2 >&2"))
            .output()
        #expect(output.text == "x\n")
        #expect(output.standardErrors == [Array("1\n".utf8), Array("2\n".utf8)])
    }

    @Test func stageThatCannotStartEndsTheOthers() async throws {
        try await withTemporaryDirectory { directory in
            let first = Command("sh", "-c", "echo $$ > \(directory)/p; exec sleep 600")
            let error = await failure { () async throws(IPCError) in
                try await (first | Command("no-such-program-anywhere")).output()
            }
            #expect(error?.code == .notFound)
            // It may have been killed before it came to writing its number.
            if let line = try await Command("cat", "\(directory)/p").output().lines.first, let process = Int32(line) {
                #expect(try await !isAlive(process))
            }
        }
    }

    @Test func runLeavesTheStreamsWhereTheyAre() async throws {
        try await withTemporaryDirectory { directory in
            let last = Command("tr", "a-z", "A-Z", options: .init(standardOutput: .file("\(directory)/out")))
            let statuses = try await (Command("echo", "text") | last).run()
            #expect(statuses == [.exited(0), .exited(0)])
            #expect(try await Command("cat", "\(directory)/out").output().text == "TEXT\n")
        }
    }

    @Test func deadlineEndsEveryStage() async throws {
        let error = await failure { () async throws(IPCError) in
            try await (Command("sleep", "600") | Command("cat")).run(until: .after(.milliseconds(100)))
        }
        #expect(error?.code == .timedOut)
    }
}
