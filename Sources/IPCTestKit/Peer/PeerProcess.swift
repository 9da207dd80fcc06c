import IPCProcess

/// A running peer, and this process's end of the channel to it.
struct PeerProcess: Sendable {
    let ends: ConformanceEnds
    let child: ChildProcess
    let context: ConformanceContext

    var receiver: ByteReceiver {
        get throws {
            guard let receiver = ends.receiver else { throw context.failure("an end that receives", "none") }
            return receiver
        }
    }

    var sender: ByteSender {
        get throws {
            guard let sender = ends.sender else { throw context.failure("an end that sends", "none") }
            return sender
        }
    }

    /// The peer ends by itself, and is content.
    func expectSuccess() async throws {
        let status = try await child.exitStatus(until: context.limit)
        try context.expect(status.isSuccess, "a peer that is content", "the peer \(status); see standard error")
    }

    /// The peer was killed.
    func expectKilled() async throws {
        let status = try await child.exitStatus(until: context.limit)
        guard case .signaled(.kill, _) = status else { throw context.failure("a killed peer", "it \(status)") }
    }
}

extension ConformanceContext {
    /// Starts a peer, and makes sure that it is gone afterwards.
    func withPeer(
        _ role: PeerOrder.Role, count: Int = 0, near direction: ChannelGuarantees.Direction,
        _ body: (PeerProcess) async throws -> Void
    ) async throws {
        guard let remote = transport.remote else { return }
        let (ends, endpoint) = try await remote.makeEnd(direction)
        defer { ends.close() }
        let order = PeerOrder(role, count: count, transport: transport.name)
        var options = ChildProcess.Options()
        options.environment = .inherit.updating([PeerOrder.variable: order.text])
        try await withChildProcess(
            .path(remote.program), options: options, transferring: [PeerEndpoint(transferred: endpoint)],
            grace: .zero
        ) { child in
            try await body(PeerProcess(ends: ends, child: child, context: self))
        }
    }
}
