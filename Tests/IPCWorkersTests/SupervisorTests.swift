import IPCPipes
import IPCSystem
import TestSupport
import Testing

@testable import IPCWorkers

@Suite(.watched) struct SupervisorTests {
    /// A child that runs until it is told to end.
    private func sleeper(
        _ name: String, restart: SupervisedChild.Restart = .permanent
    ) -> SupervisedChild {
        .program(name, "sleep", arguments: ["600"], restart: restart)
    }

    private func supervised(_ mode: String, _ log: String, _ name: String) -> SupervisedChild {
        .program(
            name, .path(helperPath), arguments: ["supervised", mode, log, name],
            readyWhen: .announced(within: .seconds(120)), grace: .seconds(60))
    }

    private func processes(_ supervisor: Supervisor) -> [String: Int32] {
        Dictionary(
            uniqueKeysWithValues: supervisor.children.compactMap { child in child.processID.map { (child.path, $0) } })
    }

    private func kill(_ process: Int32?) async throws {
        _ = try await Command("kill", "-KILL", "\(try #require(process))").output().checked()
    }

    @Test func startsInOrderAndStopsInReverse() async throws {
        try await withTemporaryDirectory { folder async throws in
            let log = "\(folder)/log"
            try await withSupervisor([
                supervised("serve", log, "a"),
                .supervisor("inner", [supervised("serve", log, "b"), supervised("serve", log, "c")]),
                supervised("serve", log, "d"),
            ]) { supervisor in
                #expect(supervisor.children.map(\.path) == ["a", "inner", "inner/b", "inner/c", "d"])
                #expect(supervisor.children.allSatisfy { $0.isReady && $0.restarts == 0 })
                #expect(supervisor.children[0].status == "serving")
            }
            let lines = try await Command("cat", log).output().lines
            let starts = ["a", "b", "c", "d"].flatMap { ["start \($0)", "ready \($0)"] }
            #expect(lines == starts + ["stop d", "stop c", "stop b", "stop a"])
        }
    }

    @Test(arguments: [
        (SupervisorOptions.Strategy.oneForOne, ["b"]), (.oneForAll, ["a", "b", "c"]), (.restForOne, ["b", "c"]),
    ])
    func strategySaysWhoIsStartedAgain(_ strategy: SupervisorOptions.Strategy, _ expected: [String]) async throws {
        try await withSupervisor(
            options: .init(strategy: strategy), [sleeper("a"), sleeper("b"), sleeper("c")]
        ) { supervisor in
            let before = processes(supervisor)
            var events = supervisor.events.makeAsyncIterator()
            try await kill(before["b"])
            var started: [String] = []
            while started.count < expected.count, let event = await events.next() {
                if case .started(let path, _) = event { started.append(path) }
            }
            #expect(started == expected)
            try await supervisor.waitUntilReady()
            let after = processes(supervisor)
            for name in ["a", "b", "c"] { #expect((before[name] == after[name]) == !expected.contains(name)) }
            #expect(supervisor.children.map(\.restarts) == ["a", "b", "c"].map { expected.contains($0) ? 1 : 0 })
        }
    }

    @Test func tooManyRestartsEndItWithTheReason() async throws {
        let children: [SupervisedChild] = [
            sleeper("a"),
            .program("b", "sh", arguments: ["-c", "echo the disk is full >&2; exit 3"], output: .discarded),
        ]
        let error =
            await thrown {
                try await withSupervisor(options: .init(restartLimit: .init(count: 3, in: .seconds(600))), children) {
                    supervisor in try await supervisor.run(endingOn: [])
                }
            } as? IPCError
        #expect(error?.code == .restartLimitReached)
        #expect(error?.message.contains("the disk is full") == true)
        #expect(error?.workerCrash?.status == .exited(3))
    }

    @Test func innerSupervisorThatGivesUpIsStartedAgain() async throws {
        let inner = SupervisorOptions(restartLimit: .init(count: 1, in: .seconds(600)))
        try await withSupervisor([.supervisor("inner", options: inner, [sleeper("a"), sleeper("b")])]) { supervisor in
            let before = processes(supervisor)
            var events = supervisor.events.makeAsyncIterator()
            try await kill(before["inner/a"])
            var hasGivenUp = false
            var starts = 0
            while let event = await events.next() {
                if case .started("inner/a", let process) = event {
                    starts += 1
                    // The first one is the inner supervisor's own restart.
                    if starts == 1 { try await kill(process) }
                }
                if case .gaveUp("inner", _) = event { hasGivenUp = true }
                if case .ready("inner") = event { break }
            }
            #expect(hasGivenUp)
            #expect(starts == 2)
            let after = processes(supervisor)
            #expect(after.count == 2)
            #expect(after["inner/b"] != before["inner/b"])
        }
    }

    @Test func endOfTransientAndTemporaryChildren() async throws {
        try await withSupervisor([
            .program("well", "true", restart: .transient), .program("ill", "false", restart: .temporary),
        ]) { supervisor in
            // Returns when all are over for good.
            try await supervisor.run(endingOn: [])
            #expect(supervisor.children.allSatisfy { $0.restarts == 0 && $0.processID == nil })
        }
    }

    @Test func quietWatchdogMeansDeath() async throws {
        try await withTemporaryDirectory { folder async throws in
            var child = supervised("quiet-after-a-while", "\(folder)/log", "a")
            child.healthCheck = .watchdog(every: .seconds(1))
            try await withSupervisor([child]) { supervisor in
                var seen: [String] = []
                var hasMissedOne = false
                for await event in supervisor.events {
                    switch event {
                    case .unhealthy("a", _): seen.append("unhealthy")
                    // The child may have been quiet for its second before this loop began.
                    case .crashed("a", _) where seen.isEmpty && !hasMissedOne: hasMissedOne = true
                    case .crashed("a", _): seen.append("crashed")
                    case .ready("a") where seen.count == 2: seen.append("ready")
                    default: break
                    }
                    if seen.count == 3 { break }
                }
                #expect(seen == ["unhealthy", "crashed", "ready"])
            }
        }
    }

    @Test func failedProbesMeanDeath() async throws {
        struct Unwell: Error {}
        var child = sleeper("a")
        child.healthCheck = .probe(every: .milliseconds(50), failures: 2) { _ in throw Unwell() }
        let error =
            await thrown {
                try await withSupervisor(options: .init(restartLimit: .init(count: 1, in: .seconds(600))), [child]) {
                    supervisor in try await supervisor.run(endingOn: [])
                }
            } as? IPCError
        #expect(error?.code == .restartLimitReached)
        #expect(error?.message.contains("health check failed 2 times") == true)
    }

    @Test func wordOfAnotherProcessDoesNotCount() async throws {
        try await withTemporaryDirectory { folder async throws in
            // The shell stays, and it is its child that says READY=1.
            let child = SupervisedChild.program(
                "a", "sh", arguments: ["-c", "\(helperPath) supervised serve \(folder)/log a; true"],
                restart: .temporary, readyWhen: .announced(within: .seconds(5)))
            try await withSupervisor([child]) { supervisor in
                // Nobody is ready: the child was killed, and is over.
                #expect(supervisor.children.map(\.isReady) == [false])
                #expect(supervisor.children.map(\.processID) == [nil])
            }
        }
    }

    @Test func stubbornChildIsKilled() async throws {
        var stubborn = SupervisedChild.program(
            "a", "sh", arguments: ["-c", "trap '' TERM; while true; do sleep 1; done"])
        stubborn.grace = .milliseconds(200)
        let process = try await withSupervisor([stubborn]) { supervisor in
            try await Task.sleep(for: .milliseconds(200))
            return try #require(processes(supervisor)["a"])
        }
        #expect(try await !isAlive(process))
    }

    @Test func childrenDieWithTheSupervisor() async throws {
        let supervisor = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["supervisor"], options: .init(standardOutput: .pipe))
        var lines = try supervisor.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        let children = try #require(line).split(separator: " ").compactMap { Int32($0) }
        #expect(children.count == 2)
        try supervisor.send(.kill)
        try await supervisor.exitStatus()
        for child in children { try await eventually { try await !isAlive(child) } }
    }

    @Test func signalEndsTheSupervisorAndItsChildren() async throws {
        let supervisor = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["supervisor"], options: .init(standardOutput: .pipe))
        var lines = try supervisor.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        let children = try #require(line).split(separator: " ").compactMap { Int32($0) }
        try supervisor.send(.terminate)
        #expect(try await supervisor.exitStatus() == .exited(0))
        for child in children { #expect(try await !isAlive(child)) }
    }

    @Test func signalBeforeAllAreReadyEndsItInGoodOrder() async throws {
        try await withTemporaryDirectory { folder async throws in
            let file = "\(folder)/child"
            let supervisor = try await ChildProcess.spawn(.path(helperPath), arguments: ["supervisor", file])
            try await eventually {
                try await !Command("ls", "-A", folder).output().lines.filter { $0 == "child" }.isEmpty
            }
            let child = try #require(Int32(try await Command("cat", file).output().lines[0]))
            #expect(try await isAlive(child))
            try supervisor.send(.terminate)
            #expect(try await supervisor.exitStatus() == .exited(0))
            #expect(try await !isAlive(child))
        }
    }

    /// A child that ends well by itself while others are being restarted stays over.
    @Test func neighbourThatIsOverStaysSo() async throws {
        try await withTemporaryDirectory { folder async throws in
            // The last one is stopped first; it lets the first one end, and itself takes as long as the test likes.
            let wait = { (name: String) in "while [ ! -e \(folder)/\(name) ]; do sleep 0.02; done" }
            let children: [SupervisedChild] = [
                .program("a", "sh", arguments: ["-c", wait("end-a")], restart: .transient, grace: .seconds(120)),
                sleeper("b"),
                .program(
                    "c", "sh",
                    arguments: [
                        "-c",
                        "trap 'touch \(folder)/end-a; \(wait("end-c")); exit 0' TERM; touch \(folder)/ready; "
                            + wait("never"),
                    ], grace: .seconds(120)),
            ]
            try await withSupervisor(options: .init(strategy: .oneForAll), children) { supervisor in
                let before = processes(supervisor)
                try await eventually { try await Command("ls", folder).output().lines.contains("ready") }
                var events = supervisor.events.makeAsyncIterator()
                try await kill(before["b"])
                while let event = await events.next() {
                    if case .finished("a") = event { break }
                }
                _ = try await Command("touch", "\(folder)/end-c").output().checked()
                while let event = await events.next() {
                    if case .ready("c") = event { break }
                }
                #expect(supervisor.children.map(\.restarts) == [0, 1, 1])
                #expect(processes(supervisor)["a"] == nil)
                // Else its stop would wait for the test again.
                _ = try await Command("rm", "-f", "\(folder)/end-a").output().checked()
            }
        }
    }

    @Test func nobodyIsReadyAfterTheEnd() async throws {
        try await withSupervisor([sleeper("a")]) { supervisor in
            await supervisor.shutDown()
            #expect(await code { try await supervisor.waitUntilReady() } == .closed)
        }
    }

    @Test func childrenOfOneSupervisorHaveDifferentNames() async throws {
        #expect(await code { try await withSupervisor([sleeper("a"), sleeper("a")]) { _ in } } == .invalidArgument)
    }

    @Test func noticesAreRead() {
        let notice = NotificationSocket.Notice("STATUS=busy\nREADY=1\nFOO=1\nWATCHDOG=0")
        #expect(notice.isReady && !notice.isAlive && !notice.isStopping)
        #expect(notice.status == "busy")
    }
}
