import Glibc
import IPCProcess
import Testing

/// `config-reload`: what an administrator does with it.
@Suite(.inTurn) struct ConfigReloadTests {
    private func write(_ text: String, to path: String) throws {
        unlink(path)
        let name = String(path.split(separator: "/").last ?? "")
        try makeFile(name, in: String(path.dropLast(name.count + 1)), text)
    }

    @Test func itReloadsAndStops() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/settings"
            try write("greeting = good morning\n", to: path)
            let options = ChildProcess.Options(standardOutput: .pipe)
            try await withChildProcess(
                .path(try Example.path("config-reload")), arguments: [path], options: options
            ) { child in
                let lines = try child.standardOutput.lines.makeAsyncIterator()
                try await converse(with: child, lines, path)
            }
        }
    }

    private func converse(with child: ChildProcess, _ given: PipeLines.AsyncIterator, _ path: String) async throws {
        var lines = given
        let first = try await lines.next()
        #expect(first == "process \(child.processID) serves with greeting \"good morning\"")
        let administrator = "process \(getpid()) asked to reload: greeting is now"
        for greeting in ["good evening", "good night"] {
            try write("# a comment\ngreeting = \(greeting)\n", to: path)
            try child.send(.hangUp)
            let line = try await lines.next()
            #expect(line == "\(administrator) \"\(greeting)\"")
        }
        try write("nonsense\n", to: path)
        try child.send(.hangUp)
        let complaint = try await lines.next()
        #expect(complaint == "kept the settings: this line is no setting: nonsense")
        try child.send(.terminate)
        let last = try await lines.next()
        #expect(last?.hasPrefix("stopped after ") == true, "\(last ?? "nothing")")
        #expect(try await child.exitStatus(until: .after(.seconds(60))) == .exited(0))
    }

    @Test func mistakesAreToldAtTheStart() async throws {
        #expect(try await Example.command("config-reload").output().status == .exited(64))
        let missing = try await Example.command("config-reload", ["/nonexistent"]).output()
        #expect(missing.status == .exited(1))
        #expect(missing.text.contains("/nonexistent cannot be read"))
    }
}
