import IPCWorkers

/// `ipcctl top`: the workers of a server.
struct ServerTop {
    /// EX_UNAVAILABLE of sysexits(3).
    private static let noServer: Int32 = 69

    private let options: TopOptions

    init(_ options: TopOptions) { self.options = options }

    /// - Returns: the exit status.
    func run() async throws -> Int32 {
        var before: (statistics: ServerStatistics, at: ContinuousClock.Instant)?
        var looks = 0
        while true {
            let statistics: ServerStatistics
            do throws(IPCError) {
                statistics = try ServerStatistics.read(named: options.name)
            } catch {
                guard error.code == .notFound else { throw error }
                Console.complain("ipcctl: \(error)")
                return Self.noServer
            }
            let now = ContinuousClock.now
            let elapsed = before.map { now - $0.at }
            var text = page(statistics, since: before?.statistics, elapsed)
            if options.clearsScreen {
                // Home, the page line by line, and what is left of the one before away.
                text = "\u{1b}[H" + text.replacing("\n", with: "\u{1b}[K\n") + "\u{1b}[J"
            } else if looks > 0 {
                text = "\n" + text
            }
            try Console.write(Array(text.utf8))
            looks += 1
            if looks == options.count { return 0 }
            before = (statistics, now)
            try await Task.sleep(for: options.interval)
        }
    }

    private func page(_ now: ServerStatistics, since before: ServerStatistics?, _ elapsed: Duration?) -> String {
        let ready = now.workers.count { $0.phase == .ready }
        let pace = before.flatMap { before in elapsed.map { rate(now.requests - before.requests, $0) } }
        let rows = now.workers.map { worker -> [String] in
            let last = before?.workers.first { $0.processID == worker.processID && $0.place == worker.place }
            return [
                "\(worker.place)", "\(worker.processID)", "\(worker.phase)", clock(worker.uptime),
                "\(worker.connectionsAccepted)", "\(worker.connectionsActive)", "\(worker.requests)",
                elapsed.map { rate(worker.requests - (last?.requests ?? 0), $0) } ?? "-", "\(worker.restarts)",
                worker.residentBytes.map { "\(($0 + (1 << 20) - 1) >> 20)" } ?? "-",
            ]
        }
        return """
            server \(Cell.printable(options.name))  \(Cell.printable(now.address))  process \(now.processID)  up \(clock(now.uptime))
            workers \(ready) of \(now.targetWorkers) ready  crashes \(now.crashRestarts)  rolling restarts \(now.rollingRestarts)
            connections \(now.connectionsActive) open, \(now.connectionsAccepted) accepted  requests \(now.requests)\
            \(pace.map { ", \($0) each second" } ?? "")

            \(TextTable.lines([Self.heading] + rows))

            """
    }

    private static let heading = [
        "place", "process", "state", "up", "accepted", "open", "requests", "each second", "restarts", "memory",
    ]

    private func rate(_ count: Int, _ elapsed: Duration) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        return seconds > 0 ? "\(Int(min(Double(max(0, count)) / seconds, 1e15).rounded()))" : "-"
    }

    /// Hours, minutes and seconds.
    private func clock(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }
}
