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
        let server = try await Server.start(address, workers: workers, megabytes: megabytes)
        do {
            try await body(address, server)
        } catch {
            _ = try? await server.kill()
            throw error
        }
        let (status, left) = try await Server.end(server)
        #expect(status.isSuccess, "\(status)")
        #expect(left == 0)
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
