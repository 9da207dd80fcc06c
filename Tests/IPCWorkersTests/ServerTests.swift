import IPCSockets
import IPCSync
import IPCSystem
import IPCWorkers
import Synchronization
import TestSupport
import Testing

@Suite(.watched) struct ServerTests {
    /// Clients with a new connection for each request, until told to stop.
    private final class Clients: Sendable {
        let isOver = Atomic<Bool>(false)
        let answered = Atomic<Int>(0)
        let lost = Atomic<Int>(0)
    }

    private func keepAsking(_ address: SocketAddress, _ count: Int, _ clients: Clients) -> [Task<Void, any Error>] {
        (0..<count).map { number in
            Task {
                var round = 0
                while !clients.isOver.load(ordering: .relaxed) {
                    round += 1
                    let who = try await Client.ask(address, "\(number)-\(round)")
                    if who == nil {
                        clients.lost.wrappingAdd(1, ordering: .relaxed)
                    } else {
                        clients.answered.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
        }
    }

    @Test(arguments: [MultiProcessServerOptions.Distribution.oneQueue, .queuePerWorker])
    func rollingRestartsAndScalingLoseNothing(_ distribution: MultiProcessServerOptions.Distribution) async throws {
        var options = MultiProcessServerOptions.helper("answer")
        options.distribution = distribution
        try await withMultiProcessServer(
            at: .tcp(port: 0), workers: .exactly(2), options: options
        ) { server in
            let clients = Clients()
            let asking = keepAsking(server.address, 4, clients)
            for round in 0..<20 {
                try await server.rollingRestart()
                try await server.scale(to: [3, 1, 4, 2][round % 4])
            }
            clients.isOver.store(true, ordering: .relaxed)
            // Throws what a client was refused with.
            for client in asking { try await client.value }
            #expect(clients.lost.load(ordering: .relaxed) == 0)
            #expect(clients.answered.load(ordering: .relaxed) > 20)
            let statistics = try server.statistics
            #expect(statistics.rollingRestarts == 20)
            #expect(statistics.crashRestarts == 0)
            #expect(statistics.requests == clients.answered.load(ordering: .relaxed))
            #expect(statistics.connectionsAccepted == clients.answered.load(ordering: .relaxed))
        }
    }

    /// Two addresses; one queue each, or one for each worker.
    @Test(arguments: [MultiProcessServerOptions.Distribution.oneQueue, .queuePerWorker])
    func severalAddressesAreServedByAllWorkers(_ distribution: MultiProcessServerOptions.Distribution) async throws {
        try await withTemporaryDirectory { folder async throws in
            var options = MultiProcessServerOptions.helper("answer")
            options.distribution = distribution
            let second: SocketAddress =
                try distribution == .oneQueue ? .unix(path: "\(folder)/server") : .tcp(port: 0)
            try await withMultiProcessServer(
                at: [.tcp(port: 0), second], workers: .exactly(2), options: options
            ) { server in
                #expect(server.addresses.count == 2)
                #expect(server.address == server.addresses[0])
                #expect(try server.statistics.address == server.addresses.map(\.description).joined(separator: ", "))
                let clients = server.addresses.map { _ in Clients() }
                let asking = zip(server.addresses, clients).map { address, clients in keepAsking(address, 2, clients) }
                for count in [3, 1, 2] {
                    try await server.rollingRestart()
                    try await server.scale(to: count)
                }
                for clients in clients { clients.isOver.store(true, ordering: .relaxed) }
                for client in asking.joined() { try await client.value }
                for clients in clients {
                    #expect(clients.lost.load(ordering: .relaxed) == 0)
                    #expect(clients.answered.load(ordering: .relaxed) > 0)
                }
            }
            #expect(try await Command("ls", "-A", folder).output().lines.isEmpty)
        }
    }

    @Test func impossibleAddressesAreRefused() async throws {
        try await withTemporaryDirectory { folder async throws in
            let free = try SocketAddress.unix(path: "\(folder)/free")
            #expect(
                await code { try await withMultiProcessServer(at: [SocketAddress]()) { _ in } } == .invalidArgument)
            #expect(
                await code {
                    try await withMultiProcessServer(at: Array(repeating: free, count: 17)) { _ in }
                } == .invalidArgument)
            // What was open already is closed, and its name gone.
            #expect(
                await code {
                    try await withMultiProcessServer(at: [free, .unix(path: "\(folder)/none/x")]) { _ in }
                } == .notFound)
            #expect(try await Command("ls", "-A", folder).output().lines.isEmpty)
        }
    }

    /// A client on one connection that sends many requests at once is answered all of them or, when its worker has left
    /// before, none.
    @Test func requestsThatWereBegunAreAnswered() async throws {
        let batch = 50
        try await withHelperServer(2, .helper("answer-lines")) { server in
            let address = server.address
            let clients = Clients()
            let asking = (0..<4).map { number in
                Task {
                    while !clients.isOver.load(ordering: .relaxed) {
                        let client = try await Client(address)
                        defer { client.connection.close() }
                        var round = 0
                        while !clients.isOver.load(ordering: .relaxed) {
                            let answers = try await client.lines(batch, "\(number)-\(round)")
                            if answers != batch {
                                // The first batch of a connection is always answered.
                                #expect(answers == 0 && round > 0, "\(answers) answers in round \(round)")
                                break
                            }
                            round += 1
                            clients.answered.wrappingAdd(batch, ordering: .relaxed)
                        }
                    }
                }
            }
            for _ in 0..<10 {
                let before = clients.answered.load(ordering: .relaxed)
                try await server.rollingRestart()
                try await eventually { clients.answered.load(ordering: .relaxed) > before }
            }
            clients.isOver.store(true, ordering: .relaxed)
            for client in asking { try await client.value }
            // Nothing was done that nobody heard of.
            #expect(try server.statistics.requests == clients.answered.load(ordering: .relaxed))
        }
    }

    @Test func deathOfAWorkerEndsItsConnectionsAlone() async throws {
        try await withHelperServer(2) { server in
            let address = server.address
            var events = server.events.makeAsyncIterator()
            var clients: [(client: Client, worker: Int32)] = []
            // Until both have some.
            while Set(clients.map(\.worker)).count < 2 || clients.count < 8 {
                let client = try await Client(address)
                clients.append((client, try #require(try await client.ask())))
            }
            let victim = clients[0].worker
            let load = Clients()
            let asking = keepAsking(address, 2, load)
            _ = try await Command("kill", "-KILL", "\(victim)").output().checked()
            var crash: WorkerCrash?
            while crash == nil, let event = await events.next() {
                if case .workerCrashed(_, let found) = event { crash = found }
            }
            #expect(crash?.processID == victim)
            #expect(crash?.status == .signaled(.kill, coreDumped: false))
            for (client, worker) in clients {
                #expect(try await client.ask() == (worker == victim ? nil : worker))
            }
            try await server.waitUntilReady()
            load.isOver.store(true, ordering: .relaxed)
            for client in asking { try await client.value }
            // Each of the two had one request under way.
            #expect(load.lost.load(ordering: .relaxed) <= 2)
            let statistics = try server.statistics
            #expect(statistics.crashRestarts == 1)
            #expect(statistics.workers.filter { $0.phase == .ready }.count == 2)
            for (client, _) in clients { client.connection.close() }
        }
    }

    @Test func crashLoopEndsTheServerWithTheReason() async throws {
        var options = MultiProcessServerOptions.helper("crash")
        options.restartLimit = .init(count: 3, in: .seconds(600))
        let error =
            await thrown {
                try await withHelperServer(2, options) { _ in Issue.record("a server of crashing workers was ready") }
            } as? IPCError
        #expect(error?.code == .restartLimitReached)
        #expect(error?.message.contains("the configuration is missing") == true)
        #expect(error?.workerCrash?.status == .signaled(.kill, coreDumped: false))
    }

    @Test func missingProgramIsAnErrorAtOnce() async throws {
        var options = MultiProcessServerOptions.helper()
        options.executable = .path("/nonexistent/program")
        #expect(await code { try await withHelperServer(2, options) { _ in } } == .notFound)
    }

    @Test func programThatDoesNotServeIsNamed() async throws {
        var options = MultiProcessServerOptions.helper("never-ready")
        options.readyTimeout = .milliseconds(300)
        options.restartLimit = .init(count: 1, in: .seconds(600))
        let error = await thrown { try await withHelperServer(1, options) { _ in } } as? IPCError
        #expect(error?.code == .restartLimitReached)
        #expect(error?.message.contains("serveIfWorker") == true)
    }

    @Test func workerThatLeavesUnaskedIsReplacedAndCounted() async throws {
        var options = MultiProcessServerOptions.helper("leave-at-once")
        options.restartLimit = .init(count: 2, in: .seconds(600))
        let error = await thrown { try await withHelperServer(1, options) { _ in } } as? IPCError
        #expect(error?.code == .restartLimitReached)
        #expect(error?.workerCrash?.status == .exited(0))
    }

    @Test func versionThatDoesNotComeUpReplacesNobody() async throws {
        try await withTemporaryDirectory { folder async throws in
            func write(_ text: String) async throws {
                _ = try await Command("sh", "-c", "echo \(text) > \(folder)/version").output().checked()
            }
            try await write("good")
            try await withHelperServer(2, .helper("file", "\(folder)/version")) { server in
                let before = try server.statistics.workers.map(\.processID)
                try await write("bad")
                let error = await thrown { try await server.rollingRestart() } as? IPCError
                #expect(error?.code == .workerCrashed)
                #expect(error?.workerCrash?.status == .exited(7))
                #expect(error?.message.contains("this version does not work") == true)
                #expect(try server.statistics.workers.map(\.processID) == before)
                #expect(before.contains(try await Client.ask(server.address) ?? 0))
                try await write("good")
                try await server.rollingRestart()
                #expect(Set(try server.statistics.workers.map(\.processID)).isDisjoint(with: before))
            }
        }
    }

    @Test func stubbornWorkersAreKilledAfterTheGrace() async throws {
        var options = MultiProcessServerOptions.helper("stubborn")
        options.grace = .milliseconds(200)
        var killed: [Int32] = []
        let worker = try await withHelperServer(1, options) { server in
            let client = try await Client(server.address)
            defer { client.connection.close() }
            let worker = try #require(try await client.ask())
            var events = server.events.makeAsyncIterator()
            try await server.rollingRestart()
            while killed.isEmpty, let event = await events.next() {
                if case .workerKilled(_, let process) = event { killed.append(process) }
            }
            return worker
        }
        #expect(killed == [worker])
        #expect(try await !isAlive(worker))
    }

    @Test func workerThatWantsToBeReplacedIs() async throws {
        try await withHelperServer(1, .helper("replace")) { server in
            let first = try #require(try await Client.ask(server.address))
            try await eventually { try await Client.ask(server.address) != first }
            #expect(try server.statistics.crashRestarts == 0)
        }
    }

    @Test func workersShareARegion() async throws {
        let region = try await SyncRegion()
        var options = MultiProcessServerOptions.helper("count")
        options.sharing = { [region.memory] }
        try await withHelperServer(2, options) { server in
            for _ in 0..<20 { #expect(try await Client.ask(server.address) != nil) }
            try await server.rollingRestart()
            for _ in 0..<20 { #expect(try await Client.ask(server.address) != nil) }
            let counter = try region.mutex("count", of: Int.self, .open, initial: 0)
            #expect(try await counter.withLock { $0 } == 40)
        }
    }
}
