import IPCProcess
import TestSupport
import Testing

@Suite(.watched) struct CommandTests {
    @Test func outputIsCollectedApart() async throws {
        let output = try await shell("echo out; echo err >&2; exit 3")
        #expect(output.text == "out\n")
        #expect(output.errorText == "err\n")
        #expect(output.lines == ["out"])
        #expect(output.status == .exited(3))
    }

    @Test func failureIsAnErrorOnlyWhenAskedFor() async throws {
        #expect(try await Command("false").run() == .exited(1))
        try await Command("true").run().checked()
        let error = await failure { () async throws(IPCError) in
            try await Command("sh", "-c", "echo first >&2; echo why >&2; exit 9").output().checked()
        }
        #expect(error?.code == .processFailed)
        #expect(error?.message.contains("exited with 9") == true)
        #expect(error?.message.contains("first / why") == true)
        #expect(try await Command("echo", "fine").output().checked().text == "fine\n")
    }

    @Test func muchDataGoesBothWaysAtOnce() async throws {
        let input = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let output = try await Command("cat").output(input: input)
        #expect(output.standardOutput == input)
        let both = try await Command("tee", "/dev/stderr").output(input: input)
        #expect(both.standardOutput == input)
        #expect(both.standardError == input)
    }

    @Test func inputThatIsNotReadIsNoError() async throws {
        let output = try await Command("head", "-c", "3").output(input: [UInt8](repeating: 65, count: 1 << 20))
        #expect(output.text == "AAA")
        #expect(output.status.isSuccess)
    }

    @Test func outputAboveTheLimitIsAnErrorAndEndsTheProgram() async throws {
        let error = await failure { () async throws(IPCError) in
            try await Command("sh", "-c", "echo $$ >&2; yes").output(limit: 100_000)
        }
        #expect(error?.code == .outputTooLarge)
        #expect(try await Command("head", "-c", "1000", "/dev/zero").output(limit: 1000).standardOutput.count == 1000)
        let more = await failure { () async throws(IPCError) in
            try await Command("head", "-c", "1001", "/dev/zero").output(limit: 1000)
        }
        #expect(more?.code == .outputTooLarge)
    }

    @Test func backgroundProcessIsNotWaitedFor() async throws {
        let output = try await shell("echo before; sleep 600 & echo $!")
        #expect(output.lines.count == 2)
        let process = try #require(Int32(output.lines[1]))
        #expect(try await isAlive(process))
        try await Command("kill", "-KILL", "\(process)").run().checked()
    }

    @Test func whatABackgroundProcessWritesOnDoesNotDelayEither() async throws {
        let output = try await shell("(while :; do echo y; done) & echo $! >&2; sleep 0.1")
        let process = try #require(Int32(output.errorText.split(separator: "\n").first ?? ""))
        // The reader is gone now, so SIGPIPE ends it.
        try await eventually { try await !isAlive(process) }
    }

    @Test func deadlineEndsTheTree() async throws {
        try await withTemporaryDirectory { directory in
            let error = await failure { () async throws(IPCError) in
                try await Command(
                    "sh", "-c", "sleep 600 & echo $! > \(directory)/p; mv \(directory)/p \(directory)/q; wait"
                )
                .output(until: .after(.milliseconds(300)))
            }
            #expect(error?.code == .timedOut)
            let text = try await Command("cat", "\(directory)/q").output().text
            if let process = Int32(text.split(separator: "\n").first ?? "") {
                try await eventually { try await !isAlive(process) }
            }
        }
    }

    @Test func cancellationEndsTheTree() async throws {
        try await withTemporaryDirectory { directory in
            let task = Task {
                await failure { () async throws(IPCError) in
                    try await Command(
                        "sh", "-c", "sleep 600 & echo $! > \(directory)/p; mv \(directory)/p \(directory)/q; wait"
                    )
                    .output()
                }
            }
            try await eventually { try await Command("test", "-e", "\(directory)/q").run().isSuccess }
            let process = try #require(
                Int32(try await Command("cat", "\(directory)/q").output().lines.first ?? ""))
            #expect(try await isAlive(process))
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            try await eventually { try await !isAlive(process) }
        }
    }

    @Test func pipeThatNobodyReadsIsRefused() async throws {
        let error = await failure { () async throws(IPCError) in
            try await Command("true", options: .init(standardOutput: .pipe)).run()
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func manyCommandsAtOnce() async throws {
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<60 {
                group.addTask { Int(try await Command("echo", "\(number)").output().checked().lines[0]) ?? -1 }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 60 * 59 / 2)
    }
}
