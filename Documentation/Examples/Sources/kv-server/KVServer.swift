import Glibc
import IPCSockets
import IPCSync
import IPCWorkers

/// `kv-server`: several processes that serve one key-value store in shared memory, in the protocol of Redis (RESP2).
///
///     kv-server [--listen ADDRESS]... [--workers N] [--memory MIB]
///
/// `redis-cli` and `redis-benchmark` talk to it. A worker may be killed at any instant: what it has acknowledged is there, and
/// another takes its place. How the store survives stands at `StripeMemory`, in `Store/Table.swift`; the guide is
/// `Documentation/KeyValueServer.md`.
@main struct KVServer {
    static func main() async {
        do {
            // In a worker this does not return.
            try await MultiProcessServer.serveIfWorker { worker in try await serve(as: worker) }
            guard let settings = Settings(Array(CommandLine.arguments.dropFirst())) else {
                print(Settings.usage, terminator: "")
                exit(64)
            }
            try await withIPCExecutor { try await serve(settings) }
        } catch {
            print("kv-server: \(error)")
            exit(1)
        }
    }

    /// The process that holds the memory and starts the workers. It touches no connection, so nothing that a client sends can
    /// bring it down.
    private static func serve(_ settings: Settings) async throws {
        let store = try await Store.make(byteCount: settings.megabytes << 20, stripes: settings.stripes)
        // Workers that are killed again and again are replaced, at once at first.
        let options = MultiProcessServerOptions(
            sharing: { [store.region.memory] }, backlog: 511,
            restartLimit: .init(count: 2000, in: .seconds(10)),
            restartBackoff: .init(initial: .milliseconds(5), maximum: .milliseconds(100)))
        // SIGTERM and SIGINT end it, SIGHUP replaces the workers.
        try await runMultiProcessServer(
            at: settings.addresses, workers: .exactly(settings.workers), options: options
        ) { server in
            for address in server.addresses { print("listening at \(address)") }
            fflush(nil)
        }
    }

    // MARK: In the workers

    private static func serve(as worker: ServerWorker) async throws {
        let store = try await Store(worker.syncRegion(0))
        let facts = WorkerFacts(worker)
        let sweeper = Task(executorPreference: IPCExecutor.shared) { await sweep(store) }
        defer { sweeper.cancel() }
        // Clients may connect long before they say something.
        let options = SocketListenerOptions(maximumConnections: 10_000, handshakeDeadline: nil)
        try await worker.forEachConnection(options: options) { connection in
            try await Client(connection, store, worker, facts).serve()
        }
    }

    /// Takes out what has expired and nobody asks for, a little at a time.
    private static func sweep(_ store: Store) async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .milliseconds(100))
                try store.sweep(256)
            } catch {
                // Cancelled; or a stripe is damaged, which those hear who ask for its keys.
            }
        }
    }
}
