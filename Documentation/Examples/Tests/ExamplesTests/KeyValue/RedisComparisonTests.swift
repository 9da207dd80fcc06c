import IPCProcess
import IPCSockets
import Testing

@testable import kv_storm

/// The same commands to Debian's redis-server and to ours: the same answers.
@Suite(
    .timeLimit(.minutes(3)),
    .enabled(if: RedisTools.serverIsThere, "redis-server is missing: install Debian's redis-server"))
struct RedisComparisonTests {
    @Test func answersAreThoseOfRedis() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/redis.sock"
            let redis = try await ChildProcess.spawn(
                "redis-server",
                arguments: [
                    "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--daemonize", "no",
                    "--dir", folder,
                ], options: .init(standardOutput: .null))
            do {
                try await withKeyValueServer(workers: 1) { address, _ in
                    let theirs = try await RedisClient.connect(to: .unix(path: path), until: .after(.seconds(30)))
                    let ours = try await RedisClient.connect(to: address, until: .after(.seconds(30)))
                    for (words, _) in SessionTests.script where !Self.differs(words) {
                        let command = [words.map { Array($0.utf8) }]
                        var answers: [RedisClient.Reply] = []
                        for client in [theirs, ours] {
                            try await client.send(command) { _, reply in answers.append(reply) }
                        }
                        #expect(Self.essence(answers[0]) == Self.essence(answers[1]), "\(words)")
                    }
                    theirs.close()
                    ours.close()
                }
            } catch {
                _ = try? await redis.kill()
                throw error
            }
            _ = try await redis.terminate()
        }
    }

    /// What this server does not have on purpose: other databases, documentation of commands.
    private static func differs(_ words: [String]) -> Bool { words[0] == "COMMAND" || words == ["SELECT", "1"] }

    /// An answer, of an unknown command without the words that follow.
    private static func essence(_ reply: RedisClient.Reply) -> RedisClient.Reply {
        guard case .error(let text) = reply, text.hasPrefix("ERR unknown command") else { return reply }
        return .error(String(text.prefix { $0 != "," }))
    }
}
