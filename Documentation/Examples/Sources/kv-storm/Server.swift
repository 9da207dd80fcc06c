import Glibc
import IPCProcess
import IPCSockets

/// A `kv-server` as a child.
enum Server {
    /// Starts one and waits until its workers accept.
    static func start(_ address: SocketAddress, workers: Int, megabytes: Int) async throws -> ChildProcess {
        let server = try await ChildProcess.spawn(
            .path(try program()),
            arguments: ["--listen", "\(address)", "--workers", "\(workers)", "--memory", "\(megabytes)"],
            options: .init(standardOutput: .pipe))
        do {
            for try await line in try server.standardOutput.lines where line.hasPrefix("listening at ") {
                return server
            }
            throw IPCError(.handshakeFailed, "start kv-server: it ended, \(try await server.exitStatus())")
        } catch {
            _ = try? await server.kill()
            throw error
        }
    }

    /// Ends it in good order.
    ///
    /// - Returns: how it ended, and how many of its workers were still there a minute later.
    static func end(_ server: ChildProcess) async throws -> (status: ExitStatus, left: Int) {
        let workers = Workers.ofProcess(server.processID)
        let status = try await server.terminate(grace: .seconds(60))
        let deadline = Deadline.after(.seconds(60))
        while workers.contains(where: Workers.isAlive), !deadline.hasPassed {
            try await Task.sleep(for: .milliseconds(5))
        }
        return (status, workers.filter(Workers.isAlive).count)
    }

    /// The program, which lies beside this one.
    private static func program() throws(IPCError) -> String {
        guard let own = realpath("/proc/self/exe", nil) else { throw IPCError(.notFound, "find kv-server") }
        defer { free(own) }
        // A test's runner may be SwiftPM's own helper; then its first argument names the bundle.
        for place in [String(cString: own)] + CommandLine.arguments {
            let folder = place.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            let candidate = folder.joined(separator: "/") + "/kv-server"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        throw IPCError(.notFound, "find kv-server: it is not beside \(String(cString: own)); build it first")
    }
}
