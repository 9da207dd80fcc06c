import Glibc
import IPCSignals
import IPCSockets
import IPCWorkers
import Synchronization

/// `server-storm PATH SECONDS PAUSE`: clients ask while workers are rolled and scaled, and in the second half of the time
/// killed, too. In the first half no request is lost; in the second no more than the killed workers had connections open to
/// clients that waited for their first answer.
struct ServerStorm {
    private let address: SocketAddress
    private let seconds: Int
    private let pause: Int
    private let clientCount = 8
    private let tally = StormCounts()

    init(_ arguments: [String]) throws {
        address = try SocketAddress.unix(path: arguments[0])
        seconds = Int(arguments[1]) ?? 1
        pause = Int(arguments[2]) ?? 100
    }

    func run() async throws -> Int32 {
        var settings = serverOptions("storm-\(getpid())", ["answer"])
        settings.restartLimit = .init(count: 1_000_000, in: .seconds(60))
        settings.restartBackoff = .init(initial: .milliseconds(1), maximum: .milliseconds(20))
        try await withMultiProcessServer(at: address, workers: .exactly(2), options: settings) { server in
            let clients = (0..<clientCount).map { number in
                Task { try await StormAsker(address, number, tally).run() }
            }
            let calm = try await shake(server, kills: false)
            let before = tally.numbers
            let wild = try await shake(server, kills: true)
            tally.isOver.store(true, ordering: .relaxed)
            for client in clients { try await client.value }
            let all = tally.numbers
            say("without kills: \(before), \(calm.rolls) rolling restarts, \(calm.scalings) scalings")
            say(
                "with kills: \(all - before), \(wild.rolls) rolling restarts, \(wild.scalings) scalings, "
                    + "\(wild.kills) kills, which may have lost \(wild.exposed)")
            try require(all.refused == 0, "\(all.refused) connections were refused")
            try require(before.lost == 0, "\(before.lost) requests were lost without a kill")
            try require(before.answered > 0 && all.answered > before.answered, "nothing was answered")
            try require(
                all.lost <= wild.exposed, "\(all.lost) requests were lost, of \(wild.exposed) at most that could be")
            // Those who are to leave may be at it yet.
            let limit = Deadline.after(.seconds(60))
            while try server.statistics.workers.count > 8, !limit.hasPassed {
                try await Task.sleep(for: .milliseconds(10))
            }
            let statistics = try server.statistics
            try require(statistics.workers.count <= 8, "\(statistics.workers.count) workers at the end")
        }
        try require(!hasChildren(), "children are left")
        return 0
    }

    private struct Blows {
        var rolls = 0
        var scalings = 0
        var kills = 0
        /// Connections of the killed workers whose clients waited for their first answer, as far as is known from outside.
        var exposed = 0
    }

    /// Half of the time.
    private func shake(_ server: MultiProcessServer, kills: Bool) async throws -> Blows {
        let end = ContinuousClock.now + .milliseconds(500 * seconds)
        var blows = Blows()
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(pause))
            switch Int.random(in: 0..<(kills ? 4 : 2)) {
            case 0:
                do throws(IPCError) {
                    try await server.rollingRestart()
                } catch {
                    throw Wrong("a rolling restart failed: \(error)")
                }
                blows.rolls += 1
            case 1:
                try await server.scale(to: Int.random(in: 1...4))
                blows.scalings += 1
            default:
                guard let exposed = try await killOne(server) else { continue }
                blows.kills += 1
                blows.exposed += exposed
            }
        }
        return blows
    }

    /// Kills a worker that accepts.
    ///
    /// - Returns: how many clients it can have had a connection to whose first request was not answered.
    private func killOne(_ server: MultiProcessServer) async throws -> Int? {
        guard let victim = try ready(server).randomElement(),
            let process = try? ProcessReference(processID: victim.processID)
        else { return nil }
        // Still there: so it is the one that is referred to.
        guard try ready(server).contains(where: { $0.processID == victim.processID }) else { return nil }
        // It stands still while its connections are counted.
        try process.send(.stop)
        var isStopped = false
        while !isStopped && !process.hasEnded {
            var found = unsafe siginfo_t()
            let result = unsafe waitid(P_PID, id_t(victim.processID), &found, WSTOPPED | WNOHANG)
            isStopped = unsafe result == 0 && found.si_signo == SIGCHLD
            if !isStopped { try await Task.sleep(for: .milliseconds(1)) }
        }
        let row = try server.statistics.workers.first { $0.processID == victim.processID }
        // Only they can have a connection to it that they have no answer from.
        let waiting = tally.firstRequests.load(ordering: .sequentiallyConsistent)
        try? process.send(.kill)
        // One more may have been accepted and not counted yet.
        return min((row?.connectionsActive ?? 0) + 1, waiting)
    }

    private func ready(_ server: MultiProcessServer) throws -> [ServerStatistics.Worker] {
        try server.statistics.workers.filter { $0.phase == .ready }
    }
}

private final class StormCounts: Sendable {
    let isOver = Atomic<Bool>(false)
    let answered = Atomic<Int>(0)
    let again = Atomic<Int>(0)
    let lost = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    /// Clients that connect, or have not had an answer on their connection yet.
    let firstRequests = Atomic<Int>(0)

    struct Numbers: CustomStringConvertible {
        var answered: Int
        var again: Int
        var lost: Int
        var refused: Int

        var description: String { "\(answered) requests answered, \(again) sent again, \(lost) lost" }

        static func - (all: Numbers, part: Numbers) -> Numbers {
            Numbers(
                answered: all.answered - part.answered, again: all.again - part.again, lost: all.lost - part.lost,
                refused: all.refused - part.refused)
        }
    }

    var numbers: Numbers {
        Numbers(
            answered: answered.load(ordering: .relaxed), again: again.load(ordering: .relaxed),
            lost: lost.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed))
    }
}

/// Something that ends once.
private final class Once {
    private var body: (() -> Void)?

    init(_ body: @escaping () -> Void) { self.body = body }

    func end() { body.take()?() }
}

/// A client: some ask once on each connection, some as often as it lasts.
private struct StormAsker {
    private let address: SocketAddress
    private let number: Int
    private let tally: StormCounts

    init(_ address: SocketAddress, _ number: Int, _ tally: StormCounts) {
        self.address = address
        self.number = number
        self.tally = tally
    }

    func run() async throws {
        var round = 0
        while !tally.isOver.load(ordering: .relaxed) {
            tally.firstRequests.wrappingAdd(1, ordering: .sequentiallyConsistent)
            let isFirst = Once { tally.firstRequests.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
            defer { isFirst.end() }
            let connection: SocketConnection
            do {
                connection = try await SocketConnection.connect(to: address, until: .after(.seconds(60)))
            } catch {
                say("refused: \(error)")
                tally.refused.wrappingAdd(1, ordering: .relaxed)
                continue
            }
            defer { connection.close() }
            let limit = number % 2 == 0 ? 1 : 1000
            for count in 0..<limit where !tally.isOver.load(ordering: .relaxed) {
                round += 1
                if try await ask(connection, round) {
                    isFirst.end()
                    continue
                }
                // Between two requests a worker may leave; the first one it has to answer.
                if count == 0 {
                    tally.lost.wrappingAdd(1, ordering: .relaxed)
                } else {
                    tally.again.wrappingAdd(1, ordering: .relaxed)
                }
                break
            }
        }
    }

    /// - Returns: whether there was an answer.
    private func ask(_ connection: SocketConnection, _ round: Int) async throws -> Bool {
        let request = "\(number)-\(round)\n"
        var answer: [UInt8] = []
        do throws(IPCError) {
            try await connection.write(Array(request.utf8), until: .after(.seconds(60)))
            while answer.last != UInt8(ascii: "\n"), let part = try await connection.read(until: .after(.seconds(60))) {
                answer += part
            }
        } catch {
            guard error.code == .peerClosed else { throw error }
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard !text.isEmpty else { return false }
        try require(text.hasSuffix(" \(request)"), "\(request) was answered with \(text)")
        tally.answered.wrappingAdd(1, ordering: .relaxed)
        return true
    }
}
