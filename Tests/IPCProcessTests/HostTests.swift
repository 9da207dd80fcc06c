import IPCProcess
import IPCSystem
import TestSupport
import Testing

/// What a host program may do and what must not follow from it. Each runs in a process of its own.
@Suite(.watched) struct HostTests {
    @Test func failingAndSucceedingSpawnsLeaveNothingBehind() async throws {
        try await expectScenario("spawn-churn", "500")
    }

    @Test func droppedHandlesLeaveNothingBehind() async throws {
        try await expectScenario("drop-handles", "50")
    }

    @Test(arguments: [[], ["forgotten"]]) func statusThatTheHostTook(_ arguments: [String]) async throws {
        let output = try await Command(.path(helperPath), arguments: ["stolen-status"] + arguments).output()
        #expect(output.status.isSuccess, "\(output.text)")
    }

    @Test func childrenOfTheHostAreLeftAlone() async throws {
        try await expectScenario("host-children")
    }

    @Test func descriptorsThatTheHostOpensMeanwhileAreNotInherited() async throws {
        try await expectScenario("descriptor-races", "200")
    }

    @Test func signalsThatTheHostIgnoresOrBlocksAreNotInherited() async throws {
        try await expectScenario("signal-state")
    }

    @Test func failingSystemCallsLeaveNothingBehind() async throws {
        try await expectScenario("spawn-faults")
    }

    @Test func childDiesWithItsParent() async throws {
        let parent = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["spawn-and-stay"], options: .init(standardOutput: .pipe))
        var lines = try parent.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        let grandchild = try #require(line.flatMap { Int32($0) })
        #expect(try await isAlive(grandchild))
        // The parent alone, not its group: the child has a group of its own anyway.
        try parent.send(.kill)
        #expect(try await parent.exitStatus() == .signaled(.kill, coreDumped: false))
        try await eventually { try await !isAlive(grandchild) }
    }

    @Test func childOutlivesItsParentWhereThatIsAskedFor() async throws {
        let parent = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["spawn-and-stay", "detached"], options: .init(standardOutput: .pipe))
        var lines = try parent.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        let grandchild = try #require(line.flatMap { Int32($0) })
        try parent.send(.kill)
        try await parent.exitStatus()
        try await Task.sleep(for: .milliseconds(100))
        #expect(try await isAlive(grandchild))
        try await Command("kill", "-KILL", "\(grandchild)").run().checked()
    }

    @Test func childOutlivesTheThreadThatAskedForIt() async throws {
        // Each job of this task runs on a thread of its own, which exits after it.
        let child = try await Task(executorPreference: OwnThreads()) {
            try await ChildProcess.spawn("sleep", arguments: ["600"])
        }.value
        try await Task.sleep(for: .milliseconds(200))
        #expect(try child.exitStatusIfEnded() == nil)
        try await child.kill()
    }

    @Test func parentDeathSignalFollowsTheThread() async throws {
        // Why the test above could fail: a start from a thread that exits.
        let started = await withCheckedContinuation { continuation in
            try? SystemThread.start("short-lived") {
                var request = SpawnRequest(
                    .paths(["/bin/sleep"]), arguments: ["sleep", "600"], environment: [])
                request.parentDeathSignal = 9
                continuation.resume(returning: try? ProcessCalls.spawn(request))
            }
        }
        let pidfd = try #require(started?.pidfd)
        try await eventually { try ProcessCalls.reap(pidfd) == .killed(signal: 9, dumpedCore: false) }
        closeDescriptor(pidfd)
    }
}
