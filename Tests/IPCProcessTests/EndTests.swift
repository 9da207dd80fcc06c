import IPCProcess
import TestSupport
import Testing

@Suite(.watched) struct EndTests {
    @Test func codesAndSignalsAreTold() async throws {
        #expect(try await shell("exit 0").status == .exited(0))
        #expect(try await shell("exit 255").status == .exited(255))
        let killed = try await shell("kill -KILL $$").status
        #expect(killed == .signaled(.kill, coreDumped: false))
        #expect(killed.shellCode == 137)
        #expect(!killed.isSuccess)
        #expect(throws: IPCError.self) { try killed.checked() }
        try ExitStatus.exited(0).checked()
    }

    @Test func everyoneWhoAsksGetsTheSameAnswer() async throws {
        let child = try await ChildProcess.spawn("sh", arguments: ["-c", "sleep 0.1; exit 7"])
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for _ in 0..<20 { group.addTask { try await child.exitStatus() } }
            for try await status in group { #expect(status == .exited(7)) }
        }
        #expect(try await child.exitStatus() == .exited(7))
        #expect(try child.exitStatusIfEnded() == .exited(7))
    }

    @Test func deadlineAndCancellationEndTheWaitAlone() async throws {
        let child = try await ChildProcess.spawn("sleep", arguments: ["600"])
        #expect(try child.exitStatusIfEnded() == nil)
        let late = await failure { () async throws(IPCError) in
            try await child.exitStatus(until: .after(.milliseconds(20)))
        }
        #expect(late?.code == .timedOut)
        let task = Task { await failure { () async throws(IPCError) in try await child.exitStatus() } }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        #expect(try await isAlive(child.processID))
        #expect(try await child.kill() == .signaled(.kill, coreDumped: false))
    }

    @Test func whoeverHoldsTheStreamsDoesNotDelayTheEnd() async throws {
        let child = try await ChildProcess.spawn(
            "sh", arguments: ["-c", "sleep 600 & exit 3"], options: .init(standardOutput: .pipe))
        #expect(try await child.exitStatus() == .exited(3))
        // The group outlives its leader, and can still be ended.
        #expect(try child.sendToTree(.kill))
        #expect(try await child.standardOutput.receive() == nil)
        try await eventually { try !child.sendToTree(.kill) }
    }

    @Test func signalReachesTheChild() async throws {
        let child = try await ChildProcess.spawn(
            "sh", arguments: ["-c", "trap 'exit 42' INT; echo ready; while :; do sleep 0.01; done"],
            options: .init(standardOutput: .pipe))
        var lines = try child.standardOutput.lines.makeAsyncIterator()
        #expect(try await lines.next() == "ready")
        try child.send(.interrupt)
        #expect(try await child.exitStatus() == .exited(42))
        #expect { try child.send(.interrupt) } throws: { ($0 as? IPCError)?.code == .notFound }
    }

    /// A child that ignores SIGTERM, and so does what it started.
    private func spawnStubborn() async throws -> (child: ChildProcess, grandchild: Int32) {
        let child = try await ChildProcess.spawn(
            "sh", arguments: ["-c", "trap '' TERM; sleep 600 & echo $!; wait; sleep 600"],
            options: .init(standardOutput: .pipe))
        var lines = try child.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        return (child, try #require(line.flatMap { Int32($0) }))
    }

    @Test func childThatIgnoresTerminationIsKilledWithItsTree() async throws {
        let (child, grandchild) = try await spawnStubborn()
        #expect(try await child.terminate(grace: .milliseconds(100)) == .signaled(.kill, coreDumped: false))
        try await eventually { try await !isAlive(grandchild) }
    }

    @Test func childThatObeysKeepsItsStatus() async throws {
        let child = try await ChildProcess.spawn(
            "sh", arguments: ["-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"],
            options: .init(standardOutput: .pipe))
        var lines = try child.standardOutput.lines.makeAsyncIterator()
        #expect(try await lines.next() == "ready")
        #expect(try await child.terminate(grace: .seconds(60)) == .exited(5))
        #expect(try await child.terminate() == .exited(5))
    }

    @Test func stoppedChildIsEnded() async throws {
        let child = try await ChildProcess.spawn("sleep", arguments: ["600"])
        try child.send(.stop)
        #expect(try await child.terminate(grace: .seconds(60)) == .signaled(.terminate, coreDumped: false))
    }

    @Test func cancellationCutsTheGraceShort() async throws {
        let (child, grandchild) = try await spawnStubborn()
        let task = Task { try await child.terminate(grace: .seconds(3600)) }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        #expect(try await task.value == .signaled(.kill, coreDumped: false))
        try await eventually { try await !isAlive(grandchild) }
    }

    @Test func scopeEndsTheChild() async throws {
        struct Stop: Error {}
        var processes: [Int32] = []
        let value = try await withChildProcess("sleep", arguments: ["600"]) { child in
            processes.append(child.processID)
            return 1
        }
        #expect(value == 1)
        await #expect(throws: Stop.self) {
            try await withChildProcess("sleep", arguments: ["600"]) { child in
                processes.append(child.processID)
                throw Stop()
            }
        }
        for process in processes { #expect(try await !isAlive(process)) }
    }

    @Test func cancelledScopeEndsTheChildAfterItsGrace() async throws {
        try await withTemporaryDirectory { directory in
            let script =
                "trap 'sleep 0.2; echo saved > \(directory)/state; exit' TERM; echo $$; while :; do sleep 0.01; done"
            let task = Task {
                try await withChildProcess(
                    "sh", arguments: ["-c", script], options: .init(standardOutput: .pipe), grace: .seconds(60)
                ) { child in
                    var lines = try child.standardOutput.lines.makeAsyncIterator()
                    _ = try await lines.next()
                    unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    try await child.exitStatus()
                }
            }
            await #expect { try await task.value } throws: { ($0 as? IPCError)?.isCancellation == true }
            // What the child did after SIGTERM was waited for, though the task was cancelled.
            let state = try await Command("cat", "\(directory)/state").output().text
            #expect(state == "saved\n")
        }
    }
}
