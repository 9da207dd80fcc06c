import IPCSockets

/// One connection, from its beginning to its end.
struct Client {
    let connection: SocketConnection
    let store: Store
    let worker: WorkerFacts

    /// Serves it until it ends. What a client does wrong is its own affair.
    func serve() async {
        worker.clientCame()
        defer { worker.clientWent() }
        do throws(IPCError) {
            let channel = try connection.channel(options: SocketOptions(framing: .bytes))
            defer { channel.close() }
            try await exchange(channel)
            try await channel.finish(until: .after(.seconds(1)))
        } catch {
            connection.close()
        }
    }

    private func exchange(_ channel: SocketChannel) async throws(IPCError) {
        var session = Session(store, worker)
        while session.pause != .end {
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
