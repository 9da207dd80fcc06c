import IPCProcess
import IPCSockets
import Testing

@testable import kv_storm

/// The same commands to Debian's redis-server and to ours: the same answers.
@Suite(
    .inTurn,
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
                    let theirs = try await RedisClient.connect(to: .unix(path: path), until: .after(.seconds(60)))
                    let ours = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
                    for (words, _) in SessionTests.script where !Self.differs(words) {
                        let command = [words.map { Array($0.utf8) }]
                        var answers: [RedisClient.Reply] = []
                        for client in [theirs, ours] {
                            try await client.send(command) { _, reply in answers.append(reply) }
                        }
                        #expect(Self.areEqual(answers[0], answers[1], words), "\(words): \(answers)")
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

    /// Of a key that is to live for so many seconds some may go by between two questions.
    private static func areEqual(_ one: RedisClient.Reply, _ other: RedisClient.Reply, _ words: [String]) -> Bool {
        if words[0] == "TTL", case .number(let one) = one, case .number(let other) = other, one > 0, other > 0 {
            return abs(one - other) < 40
        }
        return essence(one) == essence(other)
    }

    /// An answer, of an unknown command without the words that follow.
    private static func essence(_ reply: RedisClient.Reply) -> RedisClient.Reply {
        guard case .error(let text) = reply, text.hasPrefix("ERR unknown command") else { return reply }
        return .error(String(text.prefix { $0 != "," }))
    }
}
