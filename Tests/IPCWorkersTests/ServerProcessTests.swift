import IPCPipes
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
