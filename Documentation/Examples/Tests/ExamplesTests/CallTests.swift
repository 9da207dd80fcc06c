import IPCProcess
import Testing

/// The examples of calls between processes.
@Suite(.inTurn) struct CallTests {
    @Test func storeLosesNoAnswer() async throws {
        let output = try await Example.command("store", ["300"]).output().checked()
        #expect(
            output.lines == [
                "there is no nothing", "300 of 300 values are there", "the client exited with 0",
                "databases killed: yes",
            ])
    }

    @Test func storeRefusesWrongArguments() async throws {
        for wrong in [["x"], ["0"], ["1", "2"]] {
            #expect(try await Example.command("store", wrong).output().status == .exited(64), "\(wrong)")
        }
    }

    @Test func frontAnswersWhileTheWorkerComputes() async throws {
        try await withChildProcess(
            .path(try Example.path("background-worker")),
            options: .init(standardInput: .pipe, standardOutput: .pipe)
        ) { child in
            let input = try child.standardInput
            let output = try child.standardOutput
            func say(_ line: String) async throws { try await input.send(Array("\(line)\n".utf8)) }
            func line() async throws -> String? { try await output.readLine(until: .after(.seconds(120))) }
            try await say("count 1000")
            var last = try await line()
            while let text = last, text.hasSuffix("%") { last = try await line() }
            #expect(last == "168 primes below 1000")
            // Hours of work; the front answers at once, and stops it.
            try await say("count 1000000000")
            try await say("ping")
            #expect(try await line() == "pong")
            try await say("cancel")
            #expect(try await line() == "cancelled")
            // The worker is free again.
            try await say("count 10")
            last = try await line()
            while let text = last, text.hasSuffix("%") { last = try await line() }
            #expect(last == "4 primes below 10")
            try await say("quit")
            #expect(try await child.exitStatus().isSuccess)
        }
    }

    @Test func distributedStoreIsCalledWatchedAndMissed() async throws {
        let output = try await Example.command("distributed-store").output().checked()
        #expect(
            output.lines == [
                "planet: Earth", "no moon", "the watcher heard: moon is Luna", "waiting for the sun: timedOut",
                "the store's process is gone: peerClosed", "the call that was open: true",
            ])
    }
}
