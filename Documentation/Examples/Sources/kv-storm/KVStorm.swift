import Glibc
import IPCProcess
import IPCSockets

/// `kv-storm`: kills the workers of a `kv-server` while clients write, and compares what is there with what they were told.
///
///     kv-storm [SECONDS [WORKERS]]    5 seconds and 3 workers unless told otherwise
///
/// Each acknowledged write must be there, no value may be torn, a counter must be between what was acknowledged and what was
/// sent, and when all keys are gone no memory may be in use. Exit status 1 otherwise.
@main struct KVStorm {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        let numbers = arguments.compactMap { Int($0) }
        guard numbers.count == arguments.count, numbers.count <= 2, numbers.allSatisfy({ (1...100_000).contains($0) })
        else {
            print("USAGE: kv-storm [SECONDS [WORKERS]]")
            exit(64)
        }
        do {
            let storm = Storm(seconds: numbers.first ?? 5, workers: numbers.count > 1 ? numbers[1] : 3)
            if try await storm.run() { return }
        } catch {
            print("kv-storm: \(error)")
        }
        exit(1)
    }
}

struct Storm {
    let seconds: Int
    let workers: Int
    private let clients = 6
    private let progress = StormClient.Progress()

    /// Whether all was as it must be.
    func run() async throws -> Bool {
        var template = Array("/tmp/kv-storm-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw IPCError(.resourceExhausted, "make a folder in /tmp") }
        let folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer {
            // The socket's files are there only if the server was killed.
            for name in ["kv.sock", "kv.sock.lock"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        let address = try SocketAddress.unix(path: "\(folder)/kv.sock")
        let server = try await Server.start(address, workers: workers, megabytes: 128)
        let faults: [String]
        do {
            faults = try await storm(address, server)
        } catch {
            _ = try? await server.kill()
            throw error
        }
        let (status, left) = try await Server.end(server)
        print("the server \(status), \(left) of its workers are left")
        for fault in faults { print("FAULT: \(fault)") }
        return faults.isEmpty && left == 0 && status.isSuccess
    }

    private func storm(_ address: SocketAddress, _ server: ChildProcess) async throws -> [String] {
        let end = Deadline.after(.seconds(seconds))
        var tally = StormClient.Tally()
        var kills = 0
        try await withThrowingTaskGroup(of: (StormClient.Tally, Int).self) { group in
            for id in 0..<clients {
                group.addTask {
                    let client = StormClient(id: id, address: address, progress: progress)
                    try await client.run(until: end)
                    try await client.finish()
                    return (client.tally, 0)
                }
            }
            group.addTask { (StormClient.Tally(), try await killWorkers(of: server, until: end)) }
            for try await (part, partOfKills) in group {
                tally += part
                kills += partOfKills
            }
        }
        return tally.faults + (try await judge(tally, kills, address))
    }

    /// SIGKILL for one worker after the other, each at a random instant after some answers, so that on a slow machine they
    /// work in between, too; now and then all are replaced in good order.
    private func killWorkers(of server: ChildProcess, until end: Deadline) async throws -> Int {
        var kills = 0
        while !end.hasPassed {
            let (goal, patience) = (progress.count + Int.random(in: 1...400), Deadline.after(.milliseconds(500)))
            while progress.count < goal, !patience.hasPassed {
                try await Task.sleep(for: .microseconds(Int.random(in: 100...3000)))
            }
            if Int.random(in: 0..<50) == 0 { try server.send(.hangUp) }
            guard let victim = Workers.ofProcess(server.processID).randomElement() else { continue }
            if kill(victim, SIGKILL) == 0 { kills += 1 }
        }
        return kills
    }

    /// Asks on a connection of its own, as often as it takes: a worker may be on its way out, replaced in good order.
    private func ask(_ address: SocketAddress, _ words: String...) async throws -> RedisClient.Reply {
        let limit = Deadline.after(.seconds(60))
        while true {
            let client = try await RedisClient.connect(to: address, until: limit)
            defer { client.close() }
            do throws(IPCError) {
                return try await client.send(words: words)
            } catch {
                guard [.peerClosed, .truncated].contains(error.code), !limit.hasPassed else { throw error }
            }
        }
    }

    /// What the store must say now that all keys but the counter are gone.
    private func judge(_ tally: StormClient.Tally, _ kills: Int, _ address: SocketAddress) async throws -> [String] {
        var faults: [String] = []
        var count = 0
        if case .bulk(let bytes?) = try await ask(address, "GET", StormClient.counter) {
            count = Int(String(decoding: bytes, as: UTF8.self)) ?? -1
        }
        if !(tally.acknowledgedIncrements...tally.sentIncrements).contains(count) {
            faults.append("the counter is \(count)")
        }
        _ = try await ask(address, "DEL", StormClient.counter)
        let size = try await ask(address, "DBSIZE")
        if size != .number(0) { faults.append("DBSIZE is \(size) when all keys are gone") }
        guard case .bulk(let bytes?) = try await ask(address, "INFO") else { return faults + ["INFO is not there"] }
        let info = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        if !info.contains("used_memory:0") {
            faults.append("memory is lost: \(info.first { $0.hasPrefix("used_memory:") } ?? "no used_memory")")
        }
        let recovered = info.first { $0.hasPrefix("stripes_recovered:") }?.split(separator: ":").last ?? "?"
        print(
            """
            \(kills) workers killed in \(seconds) s, \(recovered) stripes repaired, \(tally.lostConnections) connections lost
            \(tally.writes) writes sent, \(tally.acknowledged) acknowledged; \(tally.reads) reads compared; \
            \(tally.expired) values seen expired
            INCR: \(tally.sentIncrements) sent, \(tally.acknowledgedIncrements) acknowledged, the counter is \(count)
            """)
        if kills == 0 { faults.append("no worker was killed") }
        return faults
    }
}
