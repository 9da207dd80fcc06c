import IPCProcess
import IPCSockets
import IPCSystem
import TestSupport
import Testing

/// Servers and clients as processes of their own, killed without warning.
@Suite(.watched) struct ProcessTests {
    /// A helper that reads orders from its input and writes what happens to its output, line by line.
    private func start(_ arguments: String...) async throws -> ChildProcess {
        try await ChildProcess.spawn(
            .path(helperPath), arguments: arguments, options: .init(standardInput: .pipe, standardOutput: .pipe))
    }

    private func line(_ child: ChildProcess) async throws -> String? {
        try await child.standardOutput.readLine(until: .after(.seconds(60)))
    }

    @Test func killedServerIsReplaced() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            for _ in 0..<5 {
                let server = try await start("socket-serve", path)
                #expect(try await line(server) == "listening")
                let client = try await SocketChannel.connect(to: .unix(path: path))
                #expect(client.peer.processID == server.processID)
                try await client.send([1])
                #expect(try await client.receive() == [1])
                // Waits when the server dies: told at once, without a deadline of its own.
                let waiting = Task { try await client.receive() }
                try await Task.sleep(for: .milliseconds(5))
                _ = try await server.kill()
                let error = await #expect(throws: IPCError.self) { try await waiting.value }
                #expect(error?.code == .peerClosed)
                let refused = await failure { () async throws(IPCError) in
                    try await SocketChannel.connect(to: .unix(path: path))
                }
                #expect(refused?.code == .connectionRefused)
            }
            try SocketListener(at: .unix(path: path)).close()
        }
    }

    @Test func ofManyProcessesOneWins() async throws {
        try await withFolder { folder in
            let path = folder + "/s"
            // `.ci/long.d/socket-races` asks for more.
            let rounds = EnvironmentCalls.value(of: "SWIFT_IPC_RACES").flatMap(Int.init) ?? 6
            for round in 0..<rounds {
                // The winner of an even round leaves its name behind, stale.
                try await race(at: path, dying: round % 2 == 0)
            }
        }
    }

    /// Fifty processes that wait for a byte of one pipe, so that all of them start at the same moment.
    private func race(at path: String, dying: Bool) async throws {
        let ends = try DescriptorCalls.makePipe()
        let reading = OwnedDescriptor(owning: ends.reading)
        let starter = OwnedDescriptor(owning: ends.writing)
        try DescriptorCalls.setNonblocking(reading.number, false)
        let options = ChildProcess.Options(standardInput: .descriptor(reading.number), standardOutput: .pipe)
        var servers: [ChildProcess] = []
        for _ in 0..<50 {
            servers.append(
                try await ChildProcess.spawn(
                    .path(helperPath), arguments: ["socket-claim", path] + (dying ? ["die"] : []), options: options))
        }
        for server in servers { #expect(try await line(server) == "ready") }
        let bytes = [UInt8](repeating: 0, count: 50)
        _ = try unsafe bytes.withUnsafeBytes { try unsafe DescriptorCalls.write(starter.number, $0) }
        var outcomes: [String] = []
        var winner: ChildProcess?
        for server in servers {
            let outcome = try await line(server) ?? "nothing"
            outcomes.append(outcome)
            if outcome == "won" { winner = server }
        }
        #expect(outcomes.count { $0 == "won" } == 1)
        #expect(outcomes.count { $0 == "addressInUse" } == 49)
        let client = try await SocketConnection.connect(to: .unix(path: path))
        #expect(client.peer.processID == winner?.processID)
        _ = consume starter
        for server in servers { _ = try await server.exitStatus() }
    }

    /// F20: a peer that is killed after each number of bytes. Whole messages arrive, the cut one is told.
    @Test func clientKilledAfterEachByte() async throws {
        try await withFolder { folder in
            let address = try SocketAddress.unix(path: folder + "/s")
            try await SocketListener.withListener(at: address) { listener in
                // 16 of hello, 16 + 1 of the first message, 16 + 2 of the second.
                for count in 0...51 {
                    let client = try await start("socket-client", folder + "/s", "\(count)")
                    let connection = try #require(try await listener.accept(until: .after(.seconds(60))))
                    let channel = try connection.channel()
                    var messages: [[UInt8]] = []
                    let error = await failure { () async throws(IPCError) in
                        while let message = try await channel.receive() { messages.append(message) }
                    }
                    #expect(messages == (count >= 51 ? [[7], [8, 8]] : count >= 33 ? [[7]] : []), "\(count)")
                    let whole = [0, 16, 33, 51].contains(count)
                    #expect(error?.code == (whole ? .peerClosed : .truncated), "\(count): \(error as Any)")
                    _ = try await client.exitStatus()
                }
            }
        }
    }

    @Test(arguments: [0, 0o022, 0o077, 0o777] as [UInt32])
    func permissionsUnderEveryMask(_ mask: UInt32) async throws {
        try await withFolder { folder in
            let environment = ProcessEnvironment.inherit.updating(["XDG_RUNTIME_DIR": folder + "/none"])
            try await expectScenario(
                "socket-modes", folder, options: .init(environment: environment, creationMask: mask))
        }
    }

    @Test func relativePathIsRemovedWhereItWasMade() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-relative", options: .init(workingDirectory: folder))
        }
    }

    @Test func noDescriptorFree() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-exhaustion", folder + "/s", options: .init(limits: [.openFiles(64)]))
        }
    }

    @Test func silentClientsTakeNoMemory() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-silence", folder + "/s")
        }
    }

    @Test func everyCallFailsOnce() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-faults", folder + "/s")
        }
    }

    @Test func listenerThatCannotBeTakenIsClosed() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-transfer-full", folder + "/s")
        }
    }

    @Test func descriptorsWithoutRoom() async throws {
        try await expectScenario("socket-truncated", options: .init(limits: [.openFiles(64)]))
    }

    @Test func cancelledSendsKeepTheirDescriptors() async throws {
        try await expectScenario("socket-cancel", "1000")
    }

    @Test func nothingIsLeftAfterManyRounds() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-churn", folder + "/s", "200")
        }
    }

    @Test func childrenGetNoSockets() async throws {
        try await withFolder { folder in
            try await expectScenario("socket-spawn-race", folder + "/s")
        }
    }
}
