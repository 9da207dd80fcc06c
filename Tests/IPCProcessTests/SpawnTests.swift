import IPCProcess
import TestSupport
import Testing

@Suite(.watched) struct SpawnTests {
    @Test func argumentsArriveAsTheyAre() async throws {
        let odd = ["", "two words", "$HOME `id` 'x' \"y\"", "ä\n€", "-n"]
        let output = try await Command("printf", arguments: ["%s|"] + odd).output()
        #expect(output.text == odd.map { "\($0)|" }.joined())
    }

    @Test func environmentIsInheritedUpdatedOrReplaced() async throws {
        let custom = try await Command("/usr/bin/env", options: .init(environment: .custom(["A": "1", "B": "x=y"])))
            .output()
        #expect(custom.lines == ["A=1", "B=x=y"])

        let inherited = try await Command("env").output().lines
        #expect(inherited.contains { $0.hasPrefix("PATH=") })

        let updated = ProcessEnvironment.inherit.updating(["IPC_TEST": "1", "HOME": nil])
        let lines = try await Command("env", options: .init(environment: updated)).output().lines
        #expect(lines.contains("IPC_TEST=1"))
        #expect(!lines.contains { $0.hasPrefix("HOME=") })
        #expect(lines.filter { $0.hasPrefix("PATH=") } == inherited.filter { $0.hasPrefix("PATH=") })
    }

    @Test func nameIsLookedUpInTheChildsPath() async throws {
        try await withTemporaryDirectory { directory in
            _ = try await shell("printf '#!/bin/sh\\necho mine' > \(directory)/tool; chmod +x \(directory)/tool")
            let environment = ProcessEnvironment.inherit.updating(["PATH": "relative::\(directory)"])
            let output = try await Command("tool", options: .init(environment: environment)).output()
            #expect(output.text == "mine\n")
            // The current directory is not searched, even when PATH names it.
            let options = ChildProcess.Options(
                environment: .inherit.updating(["PATH": ".:/bin"]), workingDirectory: directory)
            let error = await failure { () async throws(IPCError) in
                try await ChildProcess.spawn("tool", options: options)
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func workingDirectoryIsWhereRelativePathsStart() async throws {
        try await withTemporaryDirectory { directory in
            let options = ChildProcess.Options(workingDirectory: directory)
            #expect(try await Command("pwd", "-P", options: options).output().lines == [directory])
            _ = try await shell("cp /bin/echo here", options: options)
            #expect(try await Command("./here", "x", options: options).output().text == "x\n")
        }
    }

    @Test(arguments: [
        ("/nonexistent/program", IPCError.Code.notFound), ("no-such-program-anywhere", .notFound),
        ("/etc/passwd/x", .notFound), ("/", .permissionDenied), ("/etc/passwd", .permissionDenied),
    ])
    func programThatCannotRunIsAnError(_ program: String, _ code: IPCError.Code) async throws {
        let error = await failure { () async throws(IPCError) in try await ChildProcess.spawn(Executable(program)) }
        #expect(error?.code == code)
        #expect(error?.object == program)
        #expect(error?.systemCall == "execve")
    }

    @Test func fileThatIsNoProgramIsAnError() async throws {
        try await withTemporaryDirectory { directory in
            _ = try await shell("echo hello > \(directory)/text; chmod +x \(directory)/text")
            let error = await failure { () async throws(IPCError) in
                try await ChildProcess.spawn(.path("\(directory)/text"))
            }
            #expect(error?.code == .executionFailed)
        }
    }

    @Test func eachStepThatFailsIsNamed() async throws {
        let directory = await failure { () async throws(IPCError) in
            try await ChildProcess.spawn("true", options: .init(workingDirectory: "/nonexistent"))
        }
        #expect(directory?.code == .notFound)
        #expect(directory?.systemCall == "chdir")
        #expect(directory?.object == "/nonexistent")

        let limit = await failure { () async throws(IPCError) in
            try await ChildProcess.spawn("true", options: .init(limits: [.openFiles(10, hard: 5)]))
        }
        #expect(limit?.code == .invalidArgument)
        #expect(limit?.systemCall == "prlimit")

        let descriptor = await failure { () async throws(IPCError) in
            try await ChildProcess.spawn("true", options: .init(standardInput: .descriptor(9999)))
        }
        #expect(descriptor?.code == .invalidArgument)

        let zero = await failure { () async throws(IPCError) in
            try await ChildProcess.spawn("true", arguments: ["a\0b"])
        }
        #expect(zero?.code == .invalidArgument)
    }

    @Test func childGetsOnlyItsDescriptors() async throws {
        // The fourth is the directory that ls reads.
        #expect(try await Command("ls", "/proc/self/fd").output().lines == ["0", "1", "2", "3"])
    }

    @Test func signalsAreAtTheirDefaultsAndNoneIsBlocked() async throws {
        let lines = try await Command("grep", "^Sig[BIC]", "/proc/self/status").output().lines
        #expect(lines.count == 3)
        for line in lines where !line.hasPrefix("SigCgt") {
            #expect(line.hasSuffix("\t0000000000000000"), "\(line)")
        }
        // sleep installs no handler of its own.
        let child = try await ChildProcess.spawn("sleep", arguments: ["60"])
        let caught = try await Command("grep", "^SigCgt", "/proc/\(child.processID)/status").output().text
        #expect(caught == "SigCgt:\t0000000000000000\n")
        try await child.kill()
    }

    @Test func optionsReachTheKernel() async throws {
        var options = ChildProcess.Options(processGroup: .session, limits: [.openFiles(77), .coreSize(0)])
        options.creationMask = 0o027
        options.niceness = 5
        options.programName = "renamed"
        let output = try await shell("ulimit -n; umask; nice; ps -o pid=,pgid=,sid= -p $$; echo $0", options: options)
        let lines = output.lines
        #expect(lines.prefix(3) == ["77", "0027", "5"])
        let identifiers = Set(lines[3].split(separator: " "))
        #expect(identifiers.count == 1)
        #expect(lines[4] == "renamed")
    }

    @Test func processGroupIsItsOwnOrOurs() async throws {
        let own = try await shell("ps -o pid=,pgid= -p $$").text.split { $0 == " " || $0 == "\n" }
        #expect(own.count == 2 && own[0] == own[1])
        let shared = try await shell("ps -o pid=,pgid= -p $$", options: .init(processGroup: .inherit)).text
            .split { $0 == " " || $0 == "\n" }
        #expect(shared.count == 2 && shared[0] != shared[1])
    }

    @Test func currentExecutableIsTheFileThatRuns() async throws {
        try await withTemporaryDirectory { directory in
            // Another program takes its path while it runs, as a rolling restart does.
            try await Command("cp", helperPath, "\(directory)/program").run().checked()
            let output = try await Command(.path("\(directory)/program"), "replaced").output()
            #expect(output.text == "still the same\n")
            #expect(output.status.isSuccess)
        }
    }

    @Test func cancelledTaskStartsNothing() async throws {
        let task = Task { () -> IPCError? in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return await failure { () async throws(IPCError) in try await ChildProcess.spawn("true") }
        }
        #expect(await task.value?.code == .cancelled)
    }
}
