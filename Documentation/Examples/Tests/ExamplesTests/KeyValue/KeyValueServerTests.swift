import IPCProcess
import IPCSockets
import Synchronization
import Testing

@testable import kv_storm

/// `kv-server` as a whole, from outside.
@Suite(.inTurn) struct KeyValueServerTests {
    /// What one client writes others read, whichever process serves them.
    @Test func clientsShareOneStore() async throws {
        try await withKeyValueServer(workers: 3) { address, server in
            var clients: [RedisClient] = []
            for _ in 0..<12 { clients.append(try await RedisClient.connect(to: address, until: .after(.seconds(60)))) }
            for (index, client) in clients.enumerated() {
                #expect(try await client.send("SET", "k\(index)", "v\(index)") == .simple("OK"))
                #expect(try await client.send("INCR", "n") == .number(Int64(index + 1)))
            }
            for client in clients {
                #expect(try await client.send("DBSIZE") == .number(13))
                for index in clients.indices {
                    #expect(try await client.send("GET", "k\(index)") == .bulk(Array("v\(index)".utf8)))
                }
            }
            #expect(try await clients[0].send("QUIT") == .simple("OK"))
            await #expect(throws: IPCError.self) { try await clients[0].send("PING") }
            for client in clients { client.close() }
        }
    }

    /// Several clients at one number at once: none of the additions is lost.
    @Test func additionsOfManyClientsAddUp() async throws {
        try await withKeyValueServer(workers: 2) { address, _ in
            try await withThrowingTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
                        let batch = Array(repeating: [Array("INCR".utf8), Array("n".utf8)], count: 50)
                        for _ in 0..<20 {
                            var last: Int64 = 0
                            try await client.send(batch) { _, reply in
                                guard case .number(let number) = reply, number > last else {
                                    Issue.record("\(reply) after \(last)")
                                    return
                                }
                                last = number
                            }
                        }
                        client.close()
                    }
                }
                try await group.waitForAll()
            }
            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
            #expect(try await client.send("GET", "n") == .bulk(Array("8000".utf8)))
            client.close()
        }
    }

    /// A batch that is larger than all buffers on the way, of a client that reads only when it has written everything.
    @Test func aLargeBatchOfLargeValues() async throws {
        try await withKeyValueServer(workers: 1) { address, _ in
            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
            let value = [UInt8](repeating: 120, count: 100_000)
            var batch = [[Array("SET".utf8), Array("k".utf8), value]]
            for _ in 0..<40 { batch.append([Array("GET".utf8), Array("k".utf8)]) }
            var count = 0
            try await client.send(batch) { index, reply in
                #expect(reply == (index == 0 ? .simple("OK") : .bulk(value)))
                count += 1
            }
            #expect(count == batch.count)
            client.close()
        }
    }

    /// Workers are killed while clients write: see `kv-storm`.
    @Test(arguments: [1, 3]) func nothingThatWasAcknowledgedIsLostByKills(workers: Int) async throws {
        let output = try await Example.command("kv-storm", ["4", "\(workers)"]).output()
        #expect(output.status.isSuccess, "\(output.text)")
        #expect(output.lines.contains { $0.contains("0 of its workers are left") }, "\(output.text)")
    }

    /// All workers are replaced while clients write; what they wrote is there, and the processes are others.
    @Test func workersAreReplacedUnderLoad() async throws {
        try await withKeyValueServer(workers: 2, megabytes: 128) { address, server in
            let before = Set(Workers.ofProcess(server.processID))
            let progress = StormClient.Progress()
            try await withThrowingTaskGroup { group in
                for id in 0..<4 {
                    group.addTask {
                        let client = StormClient(id: id, address: address, progress: progress)
                        try await client.run { progress.isOver && client.tally.acknowledged > 0 }
                        try await client.finish()
                        #expect(client.tally.faults == [])
                        #expect(client.tally.acknowledged > 0)
                    }
                }
                // They write before, while and after.
                defer { progress.end() }
                let deadline = Deadline.after(.seconds(300))
                func answers(_ count: Int) async throws {
                    let goal = progress.count + count
                    while progress.count < goal, !deadline.hasPassed { try await Task.sleep(for: .milliseconds(5)) }
                }
                try await answers(2000)
                try server.send(.hangUp)
                while before.contains(where: Workers.isAlive), !deadline.hasPassed {
                    try await Task.sleep(for: .milliseconds(10))
                }
                try await answers(2000)
                progress.end()
                try await group.waitForAll()
            }
            #expect(!before.contains(where: Workers.isAlive))
            #expect(before.count == 2)
        }
    }

    /// Clients that send many commands at once, on connections that they keep, while all workers are replaced again and again:
    /// a batch is answered as a whole, or it was not begun, and nothing is done that nobody hears of.
    @Test func batchesAreAnsweredWhileWorkersAreReplaced() async throws {
        try await withKeyValueServer(workers: 2) { address, server in
            let load = Load()
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        while !load.isOver.load(ordering: .relaxed) {
                            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
                            defer { client.close() }
                            var isFirst = true
                            while !load.isOver.load(ordering: .relaxed) {
                                let answered = try await Self.add(50, client)
                                load.answered.wrappingAdd(answered, ordering: .relaxed)
                                if answered == 50 {
                                    isFirst = false
                                    continue
                                }
                                #expect(answered == 0 && !isFirst, "\(answered) of 50 commands were answered")
                                break
                            }
                        }
                    }
                }
                for _ in 0..<5 {
                    let before = Set(Workers.ofProcess(server.processID))
                    let answered = load.answered.load(ordering: .relaxed)
                    try server.send(.hangUp)
                    let deadline = Deadline.after(.seconds(120))
                    while !deadline.hasPassed,
                        before.contains(where: Workers.isAlive)
                            || load.answered.load(ordering: .relaxed) < answered + 500
                    {
                        try await Task.sleep(for: .milliseconds(10))
                    }
                    #expect(!before.contains(where: Workers.isAlive))
                }
                load.isOver.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
            let sum = Array("\(load.answered.load(ordering: .relaxed))".utf8)
            #expect(try await client.send("GET", "n") == .bulk(sum))
            client.close()
        }
    }

    /// What several clients do together.
    private final class Load: Sendable {
        let isOver = Atomic(false)
        let answered = Atomic(0)
    }

    /// One batch of additions to a number.
    ///
    /// - Returns: how many were answered.
    private static func add(_ count: Int, _ client: RedisClient) async throws(IPCError) -> Int {
        var answered = 0
        do throws(IPCError) {
            let batch = Array(repeating: [Array("INCR".utf8), Array("n".utf8)], count: count)
            try await client.send(batch) { _, _ in answered += 1 }
        } catch {
            guard error.code == .peerClosed else { throw error }
        }
        return answered
    }

    /// Two addresses, and one store.
    @Test func addressesShareTheStore() async throws {
        try await withTemporaryFolder { folder in
            let path = try SocketAddress.unix(path: "\(folder)/kv.sock")
            let server = try await ChildProcess.spawn(
                .path(try Example.path("kv-server")),
                arguments: ["--listen", "\(path)", "--listen", "tcp:127.0.0.1:0", "--workers", "1", "--memory", "8"],
                options: .init(standardOutput: .pipe))
            do {
                var addresses: [SocketAddress] = []
                for try await line in try server.standardOutput.lines {
                    addresses.append(try SocketAddress(String(line.dropFirst("listening at ".count))))
                    if addresses.count == 2 { break }
                }
                for (index, address) in addresses.enumerated() {
                    let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
                    #expect(try await client.send("INCR", "n") == .number(Int64(index + 1)))
                    client.close()
                }
                #expect(addresses.count == 2)
            } catch {
                _ = try? await server.kill()
                throw error
            }
            #expect(try await Server.end(server).status.isSuccess)
        }
    }

    @Test func wrongArgumentsAreUsageErrors() async throws {
        let wrong = [
            ["x"], ["--workers"], ["--workers", "0"], ["--memory", "1"], ["--listen", "http://x"], ["--no", "1"],
        ]
        for wrong in wrong {
            #expect(try await Example.command("kv-server", wrong).output().status == .exited(64), "\(wrong)")
        }
        #expect(try await Example.command("kv-storm", ["x"]).output().status == .exited(64))
    }
}

/// The programs that people have.
@Suite(
    .inTurn,
    .enabled(if: RedisTools.areThere, "redis-cli and redis-benchmark are missing: install Debian's redis-tools"))
struct RedisToolsTests {
    @Test func redisCLITalksToIt() async throws {
        try await withKeyValueServer(workers: 2) { address, _ in
            func ask(_ words: String...) async throws -> [String] {
                try await Command("redis-cli", arguments: ["-s", address.path ?? ""] + words).output().checked().lines
            }
            #expect(try await ask("SET", "greeting", "good morning") == ["OK"])
            #expect(try await ask("GET", "greeting") == ["good morning"])
            #expect(try await ask("--no-raw", "GET", "none") == ["(nil)"])
            #expect(try await ask("--no-raw", "INCR", "visits") == ["(integer) 1"])
            #expect(try await ask("EXISTS", "greeting", "visits", "none") == ["2"])
            #expect(try await ask("EXPIRE", "visits", "100") == ["1"])
            #expect(try await ask("DEL", "greeting", "visits") == ["2"])
            #expect(try await ask("--no-raw", "COMMAND", "DOCS") == ["(empty array)"])
            #expect(try await ask("INFO").contains("redis_version:7.0.0"))
            // A batch, as `redis-cli --pipe` sends it: it ends with an ECHO whose answer it waits for.
            let lines = (0..<1000).map { "SET pipe:\($0) \($0)\r\n" }.joined()
            let piped = try await Command("redis-cli", arguments: ["-s", address.path ?? "", "--pipe"])
                .output(input: Array(lines.utf8)).checked()
            #expect(piped.text.contains("errors: 0, replies: 1000"), "\(piped.text)")
            #expect(try await ask("DBSIZE") == ["1000"])
            #expect(try await ask("FLUSHALL") == ["OK"])
            #expect(try await ask("DBSIZE") == ["0"])
        }
    }

    @Test(arguments: [1, 16]) func redisBenchmarkDrivesIt(pipeline: Int) async throws {
        try await withKeyValueServer(workers: 2) { address, _ in
            let output = try await Command(
                "redis-benchmark",
                arguments: [
                    "-s", address.path ?? "", "-t", "ping,set,get,incr", "-n", "4000", "-r", "500", "-c", "20", "-P",
                    "\(pipeline)", "--csv",
                ]
            ).output().checked()
            for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"] {
                let line = output.lines.first { $0.hasPrefix("\"\(test)\",") }
                let rate = line?.split(separator: ",").dropFirst().first.flatMap { Double($0.filter { $0 != "\"" }) }
                #expect(rate.map { $0 > 0 } ?? false, "\(test): \(output.text)")
            }
            #expect(!output.text.contains("WARNING"), "\(output.text)")
            // 4,000 additions to 500 counters, and 4,000 values: nothing else, and no addition lost.
            let client = try await RedisClient.connect(to: address, until: .after(.seconds(60)))
            var sum: Int64 = 0
            for index in 0..<500 {
                let name = String(repeating: "0", count: 12 - "\(index)".count) + "\(index)"
                if case .bulk(let bytes?) = try await client.send("GET", "counter:\(name)") {
                    sum += Int64(String(decoding: bytes, as: UTF8.self)) ?? 0
                }
            }
            #expect(sum == 4000)
            client.close()
        }
    }
}
