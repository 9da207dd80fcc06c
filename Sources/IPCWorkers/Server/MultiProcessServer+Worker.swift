import IPCSignals
import IPCSockets
import IPCSystem

extension MultiProcessServer {
    /// Serves if this process was started as a worker of a server, and returns at once if it was not.
    ///
    /// Call it first in `main`: what comes before runs in every worker too. In a worker it does not return: the process exits
    /// with 0 when `body` is over, which it should be soon after ``ServerWorker/forEachConnection(options:_:)`` has
    /// returned, and with 1, after a line on standard error, when `body` throws. When the server's own process is gone the
    /// worker goes at once.
    ///
    /// What a worker needs to prepare, `body` does before it serves: until then the worker is not ready, and in a rolling
    /// restart the old one stays. A worker that is to leave before it has begun to serve exits at once with 0.
    ///
    /// SIGTERM, SIGINT and SIGHUP, sent to a worker alone, ask for its replacement: it serves until a new one does, and then
    /// leaves as in a rolling restart. So a service manager that signals all processes of a service does not cut connections
    /// short.
    ///
    /// - Parameters:
    ///   - role: which server of the program, as ``MultiProcessServerOptions/role`` says.
    ///   - body: what a worker does.
    /// - Throws: what the system says of the environment.
    public static func serveIfWorker(
        role: String = "server", _ body: (ServerWorker) async throws -> Void
    ) async throws(IPCError) {
        guard try ServerRole.claim(role) else { return }
        var status: Int32 = 0
        do {
            let worker = try await ServerWorker.take()
            try await Signals.with(.terminate, .interrupt, .hangUp) { events in
                let listening = Task(executorPreference: IPCExecutor.shared) {
                    for await _ in events { worker.requestReplacement() }
                }
                defer { listening.cancel() }
                try await body(worker)
            }
        } catch {
            StandardErrorLine.write("worker of server \"\(role)\": \(error)")
            status = 1
        }
        ProcessExit.leave(status)
    }
}
