import IPCProcess
import IPCSockets

/// A pair of Unix stream sockets, one of them handed to the second process when it starts.
struct SocketPairStop: TourStop {
    let mechanism = "socket pair"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let (ours, theirs) = try SocketChannel.makePair()
        let child = try await Tour.startPeer(of: self, transferring: [theirs])
        return try await withPeer(child) { child in
            var result = try await Exchange(incoming: ours, outgoing: ours).run(until: deadline)
            result.deathNotice = try await Death.notice(of: child, by: ours, until: deadline)
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try InheritedEndpoints.take(0, as: SocketChannel.self)
        try await Exchange(incoming: channel, outgoing: channel).serve()
    }
}
