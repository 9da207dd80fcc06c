import IPCProcess
import IPCSharedMemory

/// A ring in shared memory, one end of it handed to the second process when it starts.
struct RingStop: TourStop {
    let mechanism = "ring in shared memory"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let (ours, theirs) = try RingChannel.makePair(options: RingOptions(ringByteCount: 1 << 20))
        let child = try await Tour.startPeer(of: self, transferring: [theirs])
        return try await withPeer(child) { child in
            var result = try await Exchange(incoming: ours, outgoing: ours).run(until: deadline)
            result.deathNotice = try await Death.notice(of: child, by: ours, until: deadline)
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try InheritedEndpoints.take(0, as: RingChannel.self)
        // The parent is this very program.
        channel.trust = .trusted
        try await Exchange(incoming: channel, outgoing: channel).serve()
    }
}
