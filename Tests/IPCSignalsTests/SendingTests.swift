import IPCProcess
import IPCSignals
import IPCSystem
import TestSupport
import Testing

/// Signals to other processes, by every way there is, and to and from other programs.
@Suite(.watched) struct SendingTests {
    private let here = "process \(ProcessFacts.processID) \(ProcessFacts.effectiveUser)"
    private let queued = "queued \(ProcessFacts.processID) \(ProcessFacts.effectiveUser)"

    @Test func everyTargetGetsItsSignal() async throws {
        var options = ChildProcess.Options()
        options.processGroup = .own
        try await RunningScenario.with("signal-watch", "7", "10", "34", options: options) { scenario in
            let child = scenario.child
            try Signals.send(.user1, to: .process(child.processID))
            #expect(try await scenario.line() == "SIGUSR1 \(here) -")
            try Signals.send(.user1, value: 1, to: .process(child.processID))
            #expect(try await scenario.line() == "SIGUSR1 \(queued) 1")
            try Signals.send(.user1, to: .group(child.processID))
            #expect(try await scenario.line() == "SIGUSR1 \(here) -")
            try child.send(.realTimeSignals[0])
            #expect(try await scenario.line() == "SIGRTMIN \(here) -")
            try child.send(.realTimeSignals[0], value: .min)
            #expect(try await scenario.line() == "SIGRTMIN \(queued) -2147483648")
            let reference = try ProcessReference(processID: child.processID)
            try reference.send(.user1)
            #expect(try await scenario.line() == "SIGUSR1 \(here) -")
            try reference.send(.realTimeSignals[0], value: 42)
            #expect(try await scenario.line() == "SIGRTMIN \(queued) 42")
            try await reference.waitForEnd(until: soon)
            #expect(reference.hasEnded)
        }
    }

    @Test func aProcessThatIsGoneIsNeverMistaken() async throws {
        let child = try await ChildProcess.spawn("sleep", arguments: ["1000"])
        let reference = try ProcessReference(processID: child.processID)
        #expect(!reference.hasEnded)
        let waiting = await failure { try await reference.waitForEnd(until: .after(.milliseconds(5))) }
        #expect(waiting?.code == .timedOut)
        try await child.kill()
        // Its number may belong to somebody else from now on.
        #expect(await failure { try reference.send(.terminate) }?.code == .notFound)
        #expect(await failure { try reference.send(.realTimeSignals[0], value: 1) }?.code == .notFound)
        #expect(await failure { try child.send(.terminate) }?.code == .notFound)
        #expect(await failure { try child.send(.realTimeSignals[0], value: 1) }?.code == .notFound)
        try await reference.waitForEnd(until: soon)
    }

    @Test func wrongTargetsAndSignalsAreRefused() async {
        for target: SignalTarget in [.process(0), .process(-1), .group(1), .group(0), .group(-5)] {
            #expect(await failure { try Signals.send(.user1, to: target) }?.code == .invalidArgument, "\(target)")
        }
        for number: Int32 in [0, -1, 32, 33, 65] {
            let signal = Signal(rawValue: number)
            #expect(await failure { try Signals.send(signal, to: .currentProcess) }?.code == .invalidArgument)
        }
        #expect(await failure { try Signals.send(.user1, value: 1, to: .ownGroup) }?.code == .invalidArgument)
        #expect(await failure { try Signals.send(.continue, to: .process(4_194_303)) }?.code == .notFound)
        #expect(await failure { try ProcessReference(processID: 4_194_303) }?.code == .notFound)
        #expect(await failure { try ProcessReference(processID: 0) }?.code == .invalidArgument)
    }

    @Test func theShellSends() async throws {
        try await RunningScenario.with("signal-watch", "2", "1", "36") { scenario in
            let sender = "kill -HUP \(scenario.child.processID); kill -36 \(scenario.child.processID)"
            let output = try await Command("sh", "-c", sender).output(until: soon)
            #expect(output.status.isSuccess, "\(output.errorText)")
            var found: [String] = []
            while let line = try await scenario.line() {
                found.append(line.split(separator: " ")[0...1].joined(separator: " "))
            }
            #expect(Set(found) == ["SIGHUP process", "SIGRTMIN+2 process"])
        }
    }

    private static let hasPython: Bool = {
        for folder in ["/usr/bin", "/usr/local/bin", "/bin"]
        where (try? FileCalls.status(at: "\(folder)/python3")) != nil {
            return true
        }
        return false
    }()

    @Test(.enabled(if: hasPython, "python3 is not installed")) func pythonSends() async throws {
        try await RunningScenario.with("signal-watch", "2", "1", "34") { scenario in
            let program = """
                import ctypes, os, signal, sys
                process = int(sys.argv[1])
                os.kill(process, signal.SIGHUP)
                if ctypes.CDLL(None).sigqueue(process, signal.SIGRTMIN, ctypes.c_void_p(1234567)) != 0: sys.exit(1)
                print(os.getpid())
                """
            let output = try await Command("python3", "-c", program, "\(scenario.child.processID)").output(until: soon)
            let sender = try #require(output.checked().lines.first)
            var found: Set<String> = []
            while let line = try await scenario.line() { found.insert(line) }
            let user = ProcessFacts.effectiveUser
            #expect(found == ["SIGHUP process \(sender) \(user) -", "SIGRTMIN queued \(sender) \(user) 1234567"])
        }
    }

    @Test(.enabled(if: hasPython, "python3 is not installed")) func pythonReceives() async throws {
        let program = """
            import signal
            signals = {signal.SIGHUP, signal.SIGRTMIN}
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)
            print("ready", flush=True)
            for _ in range(2):
                found = signal.sigwaitinfo(signals)
                print(found.si_signo, found.si_code, found.si_pid, found.si_uid, flush=True)
            """
        var options = ChildProcess.Options()
        options.standardOutput = .pipe
        try await withChildProcess("python3", arguments: ["-c", program], options: options) { child in
            var lines = try child.standardOutput.lines.makeAsyncIterator()
            #expect(try await lines.next() == "ready")
            let process = "\(ProcessFacts.processID) \(ProcessFacts.effectiveUser)"
            try Signals.send(.hangUp, to: .process(child.processID))
            #expect(try await lines.next() == "1 0 \(process)")
            try Signals.send(.realTimeSignals[0], value: 9, to: .process(child.processID))
            #expect(try await lines.next() == "34 -1 \(process)")
        }
    }
}
