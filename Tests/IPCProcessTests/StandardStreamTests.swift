import IPCProcess
import TestSupport
import Testing

@Suite(.watched) struct StandardStreamTests {
    @Test func pipesCarryBytesBothWays() async throws {
        let text = try await withChildProcess(
            "tr", arguments: ["a-z", "A-Z"], options: .init(standardInput: .pipe, standardOutput: .pipe)
        ) { child in
            let input = try child.standardInput
            try await input.send(Array("one\ntwo\r\nthree".utf8))
            try await input.finish()
            var lines: [String] = []
            for try await line in try child.standardOutput.lines { lines.append(line) }
            return lines
        }
        #expect(text == ["ONE", "TWO", "THREE"])
    }

    @Test func examplesOfTheDocumentationHold() async throws {
        let firstLine = try await withChildProcess(
            "sort", options: .init(standardInput: .pipe, standardOutput: .pipe)
        ) { child in
            let input = try child.standardInput
            try await input.send(Array("pear\napple\n".utf8))
            try await input.finish()
            for try await line in try child.standardOutput.lines { return line }
            return ""
        }
        #expect(firstLine == "apple")
        let echoed = try await withChildProcess(
            "cat", options: .init(standardInput: .pipe, standardOutput: .pipe)
        ) { child in
            var lines = try child.standardOutput.lines.makeAsyncIterator()
            try await child.standardInput.send(Array("hello\n".utf8))
            return try await lines.next()
        }
        #expect(echoed == "hello")
    }

    @Test func linesComeWhileTheChildRuns() async throws {
        try await withChildProcess(
            "sh", arguments: ["-c", "echo ready; read answer; echo got $answer; sleep 600"],
            options: .init(standardInput: .pipe, standardOutput: .pipe)
        ) { child in
            var lines = try child.standardOutput.lines.makeAsyncIterator()
            #expect(try await lines.next() == "ready")
            try await child.standardInput.send(Array("yes\n".utf8))
            #expect(try await lines.next() == "got yes")
        }
    }

    @Test func lineAboveTheLimitIsAnError() async throws {
        try await withChildProcess(
            "sh", arguments: ["-c", "echo short; head -c 5000 /dev/zero"], options: .init(standardOutput: .pipe)
        ) { child in
            var lines = try child.standardOutput.lines(maximumLength: 1000).makeAsyncIterator()
            #expect(try await lines.next() == "short")
            await #expect { try await lines.next() } throws: { ($0 as? IPCError)?.code == .messageTooLarge }
        }
    }

    @Test func filesAreReadWrittenAndAppendedTo() async throws {
        try await withTemporaryDirectory { directory in
            let file = "\(directory)/file"
            try await Command("echo", "one", options: .init(standardOutput: .file(file))).run()
            try await Command("echo", "two", options: .init(standardOutput: .file(file))).run()
            try await Command("echo", "three", options: .init(standardOutput: .file(file, appending: true))).run()
            #expect(
                try await Command("cat", options: .init(standardInput: .file(file))).output().text == "two\nthree\n")
            #expect(try await Command("stat", "-c", "%a", file).output().text == "600\n")

            let missing = await failure { () async throws(IPCError) in
                try await Command("cat", options: .init(standardInput: .file("\(directory)/missing"))).run()
            }
            #expect(missing?.code == .notFound)
            #expect(missing?.object == "\(directory)/missing")
        }
    }

    @Test func fifoWithoutAnotherEndHoldsNobodyUp() async throws {
        try await withTemporaryDirectory { directory in
            try await Command("mkfifo", "\(directory)/fifo").run().checked()
            let error = await failure { () async throws(IPCError) in
                try await Command("echo", options: .init(standardOutput: .file("\(directory)/fifo"))).run()
            }
            #expect(error?.errno == 6)  // ENXIO
        }
    }

    @Test func standardInputIsEmptyByDefault() async throws {
        #expect(try await Command("cat").output().text == "")
        #expect(try await shell("readlink /proc/self/fd/0").text == "/dev/null\n")
    }

    @Test func standardErrorFollowsStandardOutput() async throws {
        let output = try await shell("echo a; echo b >&2; echo c", options: .init(standardError: .standardOutput))
        #expect(output.text == "a\nb\nc\n")
        #expect(output.standardError.isEmpty)
    }

    @Test func streamsCanTradePlaces() async throws {
        let output = try await Command(.path(helperPath), "swapped-streams").output().checked()
        #expect(output.text == "error\n")
        #expect(output.errorText == "output\n")
    }

    @Test func endOfAPipeCanBecomeAStandardStream() async throws {
        let first = try await ChildProcess.spawn(
            "echo", arguments: ["through two"], options: .init(standardOutput: .pipe))
        let second = try await Command(
            "cat", options: .init(standardInput: .endpoint(try first.standardOutput))
        ).output()
        #expect(second.text == "through two\n")
        // It was given away.
        await #expect(throws: IPCError.self) { try await first.standardOutput.receive() }
    }

    @Test func streamsOfAChildBlock() async throws {
        // O_NONBLOCK is octal 4000 in the flags.
        let output = try await Command("grep", "-h", "flags", "/proc/self/fdinfo/0", "/proc/self/fdinfo/1").output(
            input: [])
        #expect(output.lines.count == 2)
        for line in output.lines {
            let flags = Int(line.split(separator: "\t")[1], radix: 8)
            #expect(flags.map { $0 & 0o4000 } == 0, "\(line)")
        }
    }

    @Test func streamThatIsNoPipeIsAnError() async throws {
        let child = try await ChildProcess.spawn("true")
        #expect(throws: IPCError.self) { try child.standardInput }
        #expect(throws: IPCError.self) { try child.standardOutput }
        #expect(throws: IPCError.self) { try child.standardError }
        try await child.exitStatus()
    }
}
