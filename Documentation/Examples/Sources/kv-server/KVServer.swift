import Glibc
import IPCSockets
import IPCSync

/// `kv-server`: several processes that serve one key-value store in shared memory, in the protocol of Redis (RESP2).
///
///     kv-server [--listen ADDRESS]... [--workers N] [--memory MIB]
///
/// `redis-cli` and `redis-benchmark` talk to it. A worker may be killed at any instant: what it has acknowledged is there, and
/// another takes its place. How the store survives stands at `StripeMemory`, in `Store/Table.swift`.
@main struct KVServer {
    static func main() async {
        guard let settings = Settings(Array(CommandLine.arguments.dropFirst())) else {
            print(Settings.usage, terminator: "")
            exit(64)
        }
        do {
            try await withIPCExecutor { try await serve(settings) }
        } catch {
            print("kv-server: \(error)")
            exit(1)
        }
    }

    private static func serve(_ settings: Settings) async throws {
        let store = try await Store.make(byteCount: settings.megabytes << 20, stripes: settings.stripes)
        let worker = WorkerFacts()
        try await withThrowingDiscardingTaskGroup { group in
            for address in settings.addresses {
                group.addTask {
                    let options = SocketListenerOptions(maximumConnections: 10_000, backlog: 511)
                    try await SocketListener.withListener(at: address, options: options) { listener in
                        print("listening at \(listener.address)")
                        fflush(nil)
                        await withDiscardingTaskGroup { clients in
                            while let connection = try? await listener.accept() {
                                clients.addTask {
                                    await Client(connection: connection, store: store, worker: worker).serve()
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
