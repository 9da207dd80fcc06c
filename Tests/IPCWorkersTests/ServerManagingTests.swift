import IPCSockets
import IPCSystem
import Synchronization
import TestSupport
import Testing

@testable import IPCWorkers

/// What a server does with its processes, where a test has to look inside.
@Suite(.watched) struct ServerManagingTests {
    /// Holds up what a server does.
    private final class Gate: Sendable {
        let isClosed = Atomic<Bool>(false)
        let waiting = Atomic<Int>(0)
        let server = Lock<MultiProcessServer?>(nil)

        /// Blocks a thread of the library's executor, as a slow start does.
        func pass() {
            waiting.wrappingAdd(1, ordering: .relaxed)
            while isClosed.load(ordering: .relaxed) { ProcessorHint.yield() }
            waiting.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    @Test func whoIsStillBeingStartedIsDismissedAsWell() async throws {
        let gate = Gate()
        var options = MultiProcessServerOptions.helper("answer")
        // A worker that comes too late and is not killed would stay for longer than this test may take.
        options.readyTimeout = .seconds(100_000)
        options.sharing = {
            gate.pass()
            return []
        }
        try await withHelperServer(1, options) { server in
            gate.isClosed.store(true, ordering: .relaxed)
            let scaling = Task { try await server.scale(to: 2) }
            try await eventually { gate.waiting.load(ordering: .relaxed) == 1 }
            let ending = Task { await server.shutDown(grace: .zero) }
            // Its time is over, and it is not there yet.
            try await eventually {
                server.state.withLock { state in state.killed.contains { state.processes[$0] == nil } }
            }
            gate.isClosed.store(false, ordering: .relaxed)
            await ending.value
            #expect(await code { try await scaling.value } == .closed)
        }
    }

    /// A place stays empty for a year after its second death, but a rolling restart asks for what is there now.
    @Test func restartWaitsForNoBackoff() async throws {
        var options = MultiProcessServerOptions.helper("answer")
        options.restartBackoff = .init(initial: .seconds(30_000_000), maximum: .seconds(30_000_000))
        try await withHelperServer(2, options) { server in
            for death in 1...2 {
                let victim = try #require(server.statistics.workers.first { $0.place == 0 })
                _ = try await Command("kill", "-9", "\(victim.processID)").output()
                try await eventually { server.state.withLock { $0.roster.crashRestarts == death } }
                if death == 1 { try await server.waitUntilReady(until: .after(.seconds(100))) }
            }
            #expect(server.state.withLock { $0.processes.count } == 1)
            try await server.rollingRestart(until: .after(.seconds(100)))
            #expect(server.state.withLock { $0.processes.count } == 2)
        }
    }

    @Test func workersAreToldOfTheirQueuesWhenThereAreDescriptorsAgain() async throws {
        let output = try await Command(.path(helperPath), "server-without-descriptors").output(
            until: .after(.seconds(240)))
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }

    /// What the program does meanwhile is its own concern: workers leave when the server is to end, not when that does.
    @Test func endOfTheServerWaitsForNoBody() async throws {
        let gate = Gate()
        gate.isClosed.store(true, ordering: .relaxed)
        defer { gate.isClosed.store(false, ordering: .relaxed) }
        try await withTemporaryDirectory { folder async throws in
            let address = try SocketAddress.unix(path: "\(folder)/server")
            let running = Task {
                try await runMultiProcessServer(
                    at: address, workers: .exactly(1), options: .helper("answer"), endingOn: [], reloadingOn: []
                ) { server in
                    gate.server.withLock { $0 = server }
                    // It does not hear of its cancellation.
                    await Task.detached {
                        while gate.isClosed.load(ordering: .relaxed) { try? await Task.sleep(for: .milliseconds(5)) }
                    }.value
                }
            }
            try await eventually { gate.server.withLock { $0 != nil } }
            let server = try #require(gate.server.withLock { $0 })
            running.cancel()
            try await eventually { server.state.withLock { $0.roster.isEmpty } }
            gate.isClosed.store(false, ordering: .relaxed)
            #expect(await code { try await running.value } == .cancelled)
        }
    }

    /// A wait whose end is nil gives one nil, also when the worker is to leave.
    @Test func waitOfALeavingWorkerEnds() async throws {
        try await withHelperServer(1, .helper("until-leaving")) { server in
            let client = try await Client(server.address)
            defer { client.connection.close() }
            let first = try #require(try await client.ask())
            try await server.rollingRestart(until: .after(.seconds(100)))
            #expect(try await client.ask() == nil)
            let next = try await Client(server.address)
            #expect(try await next.ask() != first)
            // The end of the connection is the other nil.
            try await next.connection.finishWriting()
            #expect(try await next.connection.read(until: .after(.seconds(100))) == nil)
            next.connection.close()
        }
    }
}
