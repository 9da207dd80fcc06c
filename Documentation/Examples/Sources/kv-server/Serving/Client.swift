import IPCSockets
import IPCWorkers

/// One connection, from its beginning to its end.
struct Client {
    private let connection: SocketConnection
    private let store: Store
    private let worker: ServerWorker
    private let facts: WorkerFacts

    init(_ connection: SocketConnection, _ store: Store, _ worker: ServerWorker, _ facts: WorkerFacts) {
        self.connection = connection
        self.store = store
        self.worker = worker
        self.facts = facts
    }

    /// Serves it until it ends, or until the worker is to leave and the client has said nothing more.
    func serve() async throws(IPCError) {
        facts.clientCame()
        defer { facts.clientWent() }
        // Bytes have no messages that could be too large; what a client may send at most is the session's affair.
        let channel = try connection.channel(options: SocketOptions(framing: .bytes, maximumMessageSize: .max))
        try await exchange(channel)
        try await channel.finish(until: .after(.seconds(1)))
    }

    private func exchange(_ channel: SocketChannel) async throws(IPCError) {
        var session = Session(store, facts)
        while session.pause != .end {
            // A worker that is to leave goes here, and not while it does what a client has sent or half of a command is there.
            if session.isBetweenCommands, try await !worker.waitForRequest(on: connection) { return }
            guard try await channel.receive({ bytes in session.take(bytes) }) != nil else { return }
            while true {
                switch session.pause {
                case .stripe, .manyStripes:
                    try await session.goOn()
                    continue
                case .needsInput, .repliesFull, .end: break
                }
                if session.replies.count > 0 {
                    try await channel.send(session.replies.storage.span.bytes.extracting(first: session.replies.count))
                    session.replies.clear()
                }
                guard session.pause == .repliesFull else { break }
                try await session.goOn()
            }
        }
    }
}
