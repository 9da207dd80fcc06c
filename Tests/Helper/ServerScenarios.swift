import Glibc
import IPCSignals
import IPCSockets
import IPCSystem
import IPCWorkers
import Synchronization

let serverScenarios: [String: Scenario] = [
    "server": runServer,
    "server-storm": serverStorm,
]

/// The helper serves as workers of the servers below.
private func options(_ name: String?, _ mode: String) -> MultiProcessServerOptions {
    MultiProcessServerOptions(
        name: name, arguments: ["server-worker", mode],
        environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"]),
        readyTimeout: .seconds(60))
}

/// `server PATH NAME COUNT MODE`: serves until it is told to end, and says the process ids of its workers first.
private func runServer(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    let count = Int(arguments[2]) ?? 1
    try await withMultiProcessServer(
        at: address, workers: .exactly(count), options: options(arguments[1], arguments[3])
    ) { server in
        let events = server.events
        let teller = Task {
            for await event in events {
                if case .rollingRestartEnded = event { say("rolled") }
            }
        }
        defer { teller.cancel() }
        do {
            async let running: Void = server.run()
            // A signal that came before would end this process. SIGHUP is received first, SIGTERM then.
            while !SignalCalls.isInstalled(Signal.terminate.rawValue) { try await Task.sleep(for: .milliseconds(1)) }
            say(try server.statistics.workers.map { "\($0.processID)" }.joined(separator: " "))
            try await running
        } catch let error as IPCError where error.isCancellation {}
    }
    return 0
}

/// `server-storm PATH SECONDS PAUSE`: clients ask one request after another, each on a connection of its own, while workers
/// are killed, rolled and scaled. Without kills every request is answered; with them a request fails only where its
/// connection had been accepted, and not more of them than the killed worker had.
private func serverStorm(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    let seconds = Int(arguments[1]) ?? 1
    let pause = Int(arguments[2]) ?? 100
    var settings = options("storm-\(getpid())", "answer")
    settings.restartLimit = .init(count: 1_000_000, in: .seconds(60))
    settings.restartBackoff = .init(initial: .milliseconds(1), maximum: .milliseconds(20))
    let clientCount = 8
    let tally = StormCounts()
    let (kills, rolls) = try await withMultiProcessServer(at: address, workers: .exactly(2), options: settings) {
        server in
        let clients = (0..<clientCount).map { number in Task { try await ask(address, number, tally) } }
        let end = ContinuousClock.now + .seconds(seconds)
        var kills = 0
        var rolls = 0
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(pause))
            switch Int.random(in: 0..<4) {
            case 0:
                do throws(IPCError) {
                    try await server.rollingRestart()
                    rolls += 1
                } catch {
                    throw Wrong("a rolling restart failed: \(error)")
                }
            case 1:
                try await server.scale(to: Int.random(in: 1...4))
            default:
                let ready = try server.statistics.workers.filter { $0.phase == .ready }
                guard let victim = ready.randomElement() else { continue }
                if kill(victim.processID, SIGKILL) == 0 { kills += 1 }
            }
        }
        tally.isOver.store(true, ordering: .relaxed)
        for client in clients { try await client.value }
        // Those who are to leave may be at it yet.
        let limit = Deadline.after(.seconds(60))
        while try server.statistics.workers.count > 8, !limit.hasPassed { try await Task.sleep(for: .milliseconds(10)) }
        let statistics = try server.statistics
        try require(statistics.workers.count <= 8, "\(statistics.workers.count) workers at the end")
        return (kills, rolls)
    }
    let (answered, lost, refused) = tally.numbers
    try require(refused == 0, "\(refused) connections were refused")
    // A client has one request at a time.
    try require(lost <= kills * clientCount, "\(lost) requests were lost in \(kills) kills")
    try require(answered > 0, "nothing was answered")
    try require(!hasChildren(), "children are left")
    say("\(answered) requests answered, \(lost) lost, \(kills) kills, \(rolls) rolling restarts")
    return 0
}

private final class StormCounts: Sendable {
    let isOver = Atomic<Bool>(false)
    let answered = Atomic<Int>(0)
    let lost = Atomic<Int>(0)
    let refused = Atomic<Int>(0)

    var numbers: (Int, Int, Int) {
        (
            answered.load(ordering: .relaxed), lost.load(ordering: .relaxed), refused.load(ordering: .relaxed)
        )
    }
}

private func ask(_ address: SocketAddress, _ number: Int, _ tally: StormCounts) async throws {
    var round = 0
    while !tally.isOver.load(ordering: .relaxed) {
        round += 1
        let connection: SocketConnection
        do {
            connection = try await SocketConnection.connect(to: address, until: .after(.seconds(60)))
        } catch {
            say("refused: \(error)")
            tally.refused.wrappingAdd(1, ordering: .relaxed)
            continue
        }
        defer { connection.close() }
        do {
            let request = "\(number)-\(round)\n"
            try await connection.write(Array(request.utf8), until: .after(.seconds(60)))
            var answer: [UInt8] = []
            while answer.last != UInt8(ascii: "\n"), let part = try await connection.read(until: .after(.seconds(60))) {
                answer += part
            }
            let text = String(decoding: answer, as: UTF8.self)
            if text.isEmpty {
                tally.lost.wrappingAdd(1, ordering: .relaxed)
            } else {
                try require(text.hasSuffix(" \(request)"), "\(request) was answered with \(text)")
                tally.answered.wrappingAdd(1, ordering: .relaxed)
            }
        } catch let error as IPCError {
            guard error.code == .peerClosed else { throw error }
            tally.lost.wrappingAdd(1, ordering: .relaxed)
        }
    }
}
