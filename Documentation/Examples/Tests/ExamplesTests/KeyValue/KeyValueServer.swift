import Glibc
import IPCProcess
import IPCSockets
import Testing

@testable import kv_storm

/// A server with a folder of its own, gone with all its processes when the body is done.
func withKeyValueServer(
    workers: Int, megabytes: Int = 16,
    _ body: (_ address: SocketAddress, _ server: ChildProcess) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let address = try SocketAddress.unix(path: "\(folder)/kv.sock")
        let server = try await ChildProcess.spawn(
            .path(try Example.path("kv-server")),
            arguments: ["--listen", "\(address)", "--workers", "\(workers)", "--memory", "\(megabytes)"],
            options: .init(standardOutput: .null))
        do {
            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
            #expect(try await client.send("PING") == .simple("PONG"))
            client.close()
            try await body(address, server)
        } catch {
            _ = try? await server.kill()
            throw error
        }
        let started = Workers.ofProcess(server.processID)
        #expect(try await server.terminate(grace: .seconds(20)).isSuccess)
        // Whoever still ends has until the deadline.
        let deadline = Deadline.after(.seconds(20))
        while started.contains(where: Workers.isAlive), !deadline.hasPassed {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(started.filter(Workers.isAlive) == [])
    }
}

/// Debian's redis-tools, and its server, where they are installed.
enum RedisTools {
    static let areThere = hasAll(["redis-cli", "redis-benchmark"])
    static let serverIsThere = hasAll(["redis-server"])

    private static func hasAll(_ names: [String]) -> Bool {
        names.allSatisfy { access("/usr/bin/\($0)", X_OK) == 0 }
    }
}
