import IPCPipes
import IPCSharedMemory
import IPCSockets
import IPCSystem
import IPCWorkers
import TestSupport
import Testing

/// Servers that are processes of their own.
@Suite(.watched) struct ServerProcessTests {
    /// The helper as a server; its process and those of its workers.
    private func start(_ folder: String, _ name: String, _ mode: String = "answer") async throws -> (
        ChildProcess, [Int32], PipeLines.AsyncIterator
    ) {
        let server = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["server", "\(folder)/server", name, "2", mode],
            options: .init(standardOutput: .pipe))
        var lines = try server.standardOutput.lines.makeAsyncIterator()
        let line = try await lines.next()
        let workers = try #require(line).split(separator: " ").compactMap { Int32($0) }
        #expect(workers.count == 2)
        return (server, workers, lines)
    }

    @Test func workersDieWithTheServerAndTheNameIsFree() async throws {
        try await withTemporaryDirectory { folder async throws in
            let name = freshName()
            let (server, workers, _) = try await start(folder, name)
            let client = try await Client(.unix(path: "\(folder)/server"))
            #expect(workers.contains(try await client.ask() ?? 0))
            try server.send(.kill)
            try await server.exitStatus()
            #expect(try await client.ask() == nil)
            client.connection.close()
            // The next one waits for the last of them by itself.
            let (next, newWorkers, _) = try await start(folder, name)
            for worker in workers { #expect(try await !isAlive(worker)) }
            #expect(newWorkers.contains(try await Client.ask(.unix(path: "\(folder)/server")) ?? 0))
            #expect(try await next.terminate(grace: .seconds(120)) == .exited(0))
        }
    }

    @Test func signalsReloadAndEndIt() async throws {
        try await withTemporaryDirectory { folder async throws in
            let address = try SocketAddress.unix(path: "\(folder)/server")
            var (server, workers, lines) = try await start(folder, freshName())
            let idle = try await Client(address)
            #expect(workers.contains(try await idle.ask() ?? 0))
            try server.send(.hangUp)
            #expect(try await lines.next() == "rolled")
            // Who waits for its next request is let go of; new ones come to new workers.
            #expect(try await idle.ask() == nil)
            idle.connection.close()
            let now = try #require(try await Client.ask(address))
            #expect(!workers.contains(now))
            try server.send(.terminate)
            #expect(try await server.exitStatus() == .exited(0))
            #expect(try await !isAlive(now))
            #expect(try await Command("ls", "-A", folder).output().lines.isEmpty)
        }
    }

    /// A server whose workers are ready when the file is there, and its workers, of which there is one at least.
    private func startBehindGate(_ folder: String, _ name: String) async throws -> (ChildProcess, [Int32]) {
        let server = try await ChildProcess.spawn(
            .path(helperPath), arguments: ["server", "\(folder)/server", name, "2", "gate", "\(folder)/gate"],
            options: .init(standardOutput: .null))
        var workers: [Int32] = []
        try await eventually {
            workers = ((try? ServerStatistics.read(named: name))?.workers ?? []).map(\.processID)
            return workers.count == 2
        }
        return (server, workers)
    }

    @Test func signalBeforeItIsReadyEndsItInGoodOrder() async throws {
        try await withTemporaryDirectory { folder async throws in
            let name = freshName()
            let (server, workers) = try await startBehindGate(folder, name)
            try server.send(.terminate)
            #expect(try await server.exitStatus() == .exited(0))
            for worker in workers { #expect(try await !isAlive(worker)) }
            // Nothing that a server leaves which is killed.
            #expect(try await Command("ls", "-A", folder).output().lines.isEmpty)
            #expect(await code { try ServerStatistics.read(named: name) } == .notFound)
            #expect(try SharedMemory.list().allSatisfy { !$0.name.hasSuffix(name) })
        }
    }

    @Test func reloadBeforeItIsReadyReplacesTheWorkers() async throws {
        try await withTemporaryDirectory { folder async throws in
            let name = freshName()
            let (server, workers) = try await startBehindGate(folder, name)
            try server.send(.hangUp)
            try await eventually { (try ServerStatistics.read(named: name)).rollingRestarts == 1 }
            _ = try await Command("touch", "\(folder)/gate").output().checked()
            try await eventually {
                let now = try ServerStatistics.read(named: name).workers
                return now.filter { $0.phase == .ready }.count == 2
                    && Set(now.map(\.processID)).isDisjoint(with: workers)
            }
            #expect(try ServerStatistics.read(named: name).crashRestarts == 0)
            #expect(try await server.terminate(grace: .seconds(120)) == .exited(0))
        }
    }

    @Test func serverTellsItsManagerWhenItsWorkersAccept() async throws {
        try await withTemporaryDirectory { folder async throws in
            let gate = "\(folder)/gate"
            let child = SupervisedChild.program(
                "server", .path(helperPath),
                arguments: ["server", "\(folder)/server", freshName(), "2", "gate", gate],
                readyWhen: .announced(within: .seconds(600)), grace: .seconds(120), output: .discarded)
            let opening = Task {
                // The supervisor waits for it.
                _ = try await Command("touch", gate).output().checked()
            }
            try await withSupervisor([child]) { supervisor in
                try await opening.value
                #expect(supervisor.children.map(\.isReady) == [true])
                #expect(try await Client.ask(.unix(path: "\(folder)/server")) != nil)
            }
        }
    }

    @Test func secondSignalKillsWhatIsLeft() async throws {
        try await withTemporaryDirectory { folder async throws in
            let name = freshName()
            let (server, workers, _) = try await start(folder, name, "stubborn")
            let client = try await Client(.unix(path: "\(folder)/server"))
            defer { client.connection.close() }
            #expect(workers.contains(try await client.ask() ?? 0))
            try server.send(.terminate)
            try await eventually {
                try ServerStatistics.read(named: name).workers.contains { $0.phase == .leaving }
            }
            // The same one at once would be taken for an echo of the first.
            try await Task.sleep(for: .milliseconds(200))
            try server.send(.terminate)
            let status = try await server.exitStatus()
            #expect(status == .exited(1))
            for worker in workers { #expect(try await !isAlive(worker)) }
            #expect(try await Command("ls", "-A", folder).output().lines.isEmpty)
        }
    }

    @Test func signalToAWorkerReplacesIt() async throws {
        try await withTemporaryDirectory { folder async throws in
            let name = freshName()
            let (server, workers, _) = try await start(folder, name)
            _ = try await Command("kill", "-TERM", "\(workers[0])").output().checked()
            try await eventually { try await !isAlive(workers[0]) }
            let statistics = try ServerStatistics.read(named: name)
            #expect(statistics.crashRestarts == 0)
            #expect(statistics.workers.filter { $0.phase == .ready }.count == 2)
            #expect(try await server.terminate(grace: .seconds(120)) == .exited(0))
        }
    }

    @Test func statisticsAreReadFromOutside() async throws {
        try await withTemporaryDirectory { folder async throws in
            let name = freshName()
            let top = helperPath.replacing("ipc-test-helper", with: "ipcctl")
            let (server, workers, _) = try await start(folder, name)
            let client = try await Client(.unix(path: "\(folder)/server"))
            for _ in 0..<5 { _ = try await client.ask() }
            let statistics = try ServerStatistics.read(named: name)
            #expect(statistics.processID == server.processID)
            #expect(statistics.requests == 5)
            #expect(statistics.connectionsAccepted == 1)
            #expect(statistics.connectionsActive == 1)
            #expect(statistics.targetWorkers == 2)
            #expect(statistics.address == "unix:\(folder)/server")
            #expect(Set(statistics.workers.map(\.processID)) == Set(workers))
            #expect(statistics.workers.allSatisfy { ($0.residentBytes ?? 0) > 0 })
            let shown = try await Command(.path(top), "top", name).output(until: .after(.seconds(120))).checked().text
            for worker in workers { #expect(shown.contains("\(worker)")) }
            #expect(shown.contains("requests 5"))
            client.connection.close()

            try server.send(.kill)
            try await server.exitStatus()
            #expect(await code { try ServerStatistics.read(named: name) } == .notFound)
            let refused = try await Command(.path(top), "top", name).output(until: .after(.seconds(120)))
            #expect(refused.status == .exited(69))
            #expect(refused.errorText.contains(name))
            // What the dead server left is a leftover like others.
            for worker in workers { try await eventually { try await !isAlive(worker) } }
            _ = try await Command(.path(top), "clean", "--prefix", "swift-ipc.server.\(name)").output().checked()
        }
    }

    @Test func nameOfALivingServerIsNotTaken() async throws {
        let name = freshName()
        var options = MultiProcessServerOptions.helper("answer", name: name)
        options.addressPatience = .zero
        try await withHelperServer(1, options) { [options] server in
            #expect(await code { try await withHelperServer(1, options) { _ in } } == .addressInUse)
            #expect(
                await code {
                    try await withMultiProcessServer(at: server.address, workers: .exactly(1), options: options) { _ in
                    }
                } == .addressInUse)
        }
    }
}

/// The short form of `.ci/long.d/server-storm`.
@Suite(.watched) struct ServerStormTests {
    @Test func killedRolledAndScaledUnderLoad() async throws {
        try await withTemporaryDirectory { folder async throws in
            let output = try await Command(
                .path(helperPath), arguments: ["server-storm", "\(folder)/server", "4", "100"]
            ).output(until: .after(.seconds(240)))
            #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
        }
    }
}
