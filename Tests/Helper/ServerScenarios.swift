import IPCSockets
import IPCWorkers

let serverScenarios: [String: Scenario] = [
    "server": runServer,
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
