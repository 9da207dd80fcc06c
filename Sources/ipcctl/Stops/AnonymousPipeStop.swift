import IPCPipes
import IPCProcess

/// Two pipes, handed to the second process when it starts.
struct AnonymousPipeStop: TourStop {
    let mechanism = "anonymous pipes"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let there = try AnonymousPipe.make()
        let back = try AnonymousPipe.make()
        let child = try await Tour.startPeer(of: self, transferring: [there.reader, back.writer])
        return try await withPeer(child) { child in
            var result = try await Exchange(incoming: back.reader, outgoing: there.writer).run(until: deadline)
            result.deathNotice = try await Death.notice(of: child, by: back.reader, until: deadline)
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let incoming = try InheritedEndpoints.take(0, as: PipeReader.self)
        let outgoing = try InheritedEndpoints.take(1, as: PipeWriter.self)
        try await Exchange(incoming: incoming, outgoing: outgoing).serve()
    }
}
