import Glibc
import IPCSockets
import IPCSystem
import IPCWorkers

let serverScenarios: [String: Scenario] = [
    "server": runServer,
    "server-without-descriptors": serverWithoutDescriptors,
    "server-storm": { arguments in try await ServerStorm(arguments).run() },
]

/// The helper serves as workers of the servers below.
func serverOptions(_ name: String?, _ mode: [String]) -> MultiProcessServerOptions {
    MultiProcessServerOptions(
        name: name, arguments: ["server-worker"] + mode,
        environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"]),
        readyTimeout: .seconds(600), grace: .seconds(600))
}

/// `server PATH NAME COUNT MODE...`: serves until it is told to end, and says the process ids of its workers when they
/// accept.
private func runServer(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    let count = Int(arguments[2]) ?? 1
    try await runMultiProcessServer(
        at: address, workers: .exactly(count), options: serverOptions(arguments[1], Array(arguments[3...]))
    ) { server in
        let events = server.events
        say(try server.statistics.workers.map { "\($0.processID)" }.joined(separator: " "))
        for await event in events {
            if case .rollingRestartEnded = event { say("rolled") }
        }
    }
    return 0
}

/// `server-without-descriptors`: no descriptor can be made for a while, just when a worker is to be told of a queue that was
/// another's. It is told later, and nobody waits in a queue that nobody has.
private func serverWithoutDescriptors(_ arguments: [String]) async throws -> Int32 {
    var options = serverOptions(nil, ["answer"])
    options.distribution = .queuePerWorker
    try await withMultiProcessServer(at: .tcp(port: 0), workers: .exactly(2), options: options) { server in
        try await ask(server.address, times: 4)
        let fault = FaultInjection.Fault(.fcntl, errno: EMFILE, count: 3)
        try await FaultInjection.with([fault]) {
            try await server.scale(to: 1)
            let limit = Deadline.after(.seconds(60))
            while FaultInjection.tally.failed < 3, !limit.hasPassed { try await Task.sleep(for: .milliseconds(5)) }
        }
        try require(FaultInjection.tally.failed == 3, "a worker was not told again")
        // The kernel spreads them over the queues by their ports.
        try await ask(server.address, times: 64)
    }
    try require(!hasChildren(), "children are left")
    return 0
}

private func ask(_ address: SocketAddress, times: Int) async throws {
    for number in 0..<times {
        let connection = try await SocketConnection.connect(to: address, until: .after(.seconds(60)))
        try await connection.write(Array("\(number)\n".utf8), until: .after(.seconds(60)))
        let answer = try await connection.read(until: .after(.seconds(60)))
        try require(answer?.isEmpty == false, "nobody answered")
        connection.close()
    }
}
