import Glibc
import IPCWorkers
import Synchronization

/// What one serving process knows of itself, for INFO.
final class WorkerFacts: Sendable {
    private let worker: ServerWorker?
    private let commands = Atomic<Int>(0)
    private let clients = Atomic<Int>(0)
    private let accepted = Atomic<Int>(0)
    private let start = StoreClock.milliseconds

    /// `worker` is told of the commands, for the server's statistics.
    init(_ worker: ServerWorker? = nil) { self.worker = worker }

    func count(commands number: Int) {
        commands.wrappingAdd(number, ordering: .relaxed)
        worker?.countRequest(number)
    }

    func clientCame() {
        clients.wrappingAdd(1, ordering: .relaxed)
        accepted.wrappingAdd(1, ordering: .relaxed)
    }

    func clientWent() { clients.wrappingSubtract(1, ordering: .relaxed) }

    /// The text of INFO: what concerns the process is of the one that answers, what concerns keys is of the store.
    func report(_ statistics: Store.Statistics, _ store: Store) -> String {
        let lines = [
            "# Server", "redis_version:7.0.0", "server_name:kv-server", "process_id:\(getpid())",
            "uptime_in_seconds:\((StoreClock.milliseconds - start) / 1000)", "",
            "# Clients", "connected_clients:\(clients.load(ordering: .relaxed))", "",
            "# Memory", "used_memory:\(statistics.usedBytes)",
            "maxmemory:\(store.shape.byteCount * store.stripeCount)", "",
            "# Stats", "total_connections_received:\(accepted.load(ordering: .relaxed))",
            "total_commands_processed:\(commands.load(ordering: .relaxed))",
            "stripes:\(store.stripeCount)", "stripes_recovered:\(statistics.recoveries)", "",
            "# Keyspace",
        ]
        let keys =
            statistics.keys == 0 ? "" : "db0:keys=\(statistics.keys),expires=\(statistics.expiring),avg_ttl=0\r\n"
        return lines.joined(separator: "\r\n") + "\r\n" + keys
    }
}
