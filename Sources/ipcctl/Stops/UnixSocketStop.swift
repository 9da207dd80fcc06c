import IPCProcess
import IPCSockets

/// A listener at a path, and a client that connects to it.
struct UnixSocketStop: TourStop {
    let mechanism = "Unix stream socket"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let address = try SocketAddress.unix(name: "ipcctl-tour-\(UInt64.random(in: .min ... .max)).sock")
        let options = SocketListenerOptions(maximumConnections: 1, gracePeriod: .zero)
        return try await SocketListener.withListener(at: address, options: options) { listener in
            let child = try await Tour.startPeer(of: self, arguments: [address.path ?? ""])
            return try await withPeer(child) { child in
                guard let connection = try await listener.accept(until: deadline) else {
                    throw TourFailure("the listener ended")
                }
                try require(connection.peer.processID == child.processID, "somebody else connected")
                let channel = try connection.channel()
                var result = try await Exchange(incoming: channel, outgoing: channel).run(until: deadline)
                result.deathNotice = try await Death.notice(of: child, by: channel, until: deadline)
                return result
            }
        }
    }

    func serve(_ arguments: [String]) async throws {
        let channel = try await SocketConnection.connect(to: .unix(path: arguments[0])).channel()
        try await Exchange(incoming: channel, outgoing: channel).serve()
    }
}
