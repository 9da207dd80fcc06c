// The lines are those of the guides.
// swift-format-ignore-file
import IPCSync
import IPCWorkers

// The pieces of Swift in `Documentation/MultiProcessServers.md`, so that they compile. `DocumentationTests` compares them.

struct Echo {
    static func main() async throws {
        try await MultiProcessServer.serveIfWorker { worker in
            try await worker.forEachConnection { connection in
                while try await worker.waitForRequest(on: connection), let bytes = try await connection.read() {
                    try await connection.write(bytes)
                    worker.countRequest()
                }
            }
        }
        try await runMultiProcessServer(
            at: .unix(path: "/run/echo.sock"), options: MultiProcessServerOptions(name: "echo"))
    }
}

private func share(_ options: inout MultiProcessServerOptions) async throws {
    let region = try await SyncRegion()
    options.sharing = { [region.memory] }
}

private func supervise() async throws {
    try await runSupervisor(options: SupervisorOptions(strategy: .restForOne), [
        .program("store", "/usr/libexec/store", readyWhen: .announced(within: .seconds(30))),
        .supervisor("web", [
            .program("front", "/usr/libexec/front", healthCheck: .watchdog(every: .seconds(10))),
            .program("mailer", "/usr/libexec/mailer", restart: .transient),
        ]),
    ])
}
