import IPCPipes
import IPCProcess

/// Two FIFOs by their paths: the processes have nothing else in common.
struct NamedPipeStop: TourStop {
    let mechanism = "named pipes (FIFO)"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let folder = try RuntimeDirectory.path()
        let name = "\(folder)/ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let there = try NamedPipe("\(name)-there", .create)
        let back = try NamedPipe("\(name)-back", .create)
        defer {
            there.remove()
            back.remove()
        }
        let child = try await Tour.startPeer(of: self, arguments: [there.path, back.path])
        return try await withPeer(child) { child in
            let incoming = try back.openReader()
            let outgoing = try await there.openWriter(until: deadline)
            var result = try await Exchange(incoming: incoming, outgoing: outgoing).run(until: deadline)
            result.deathNotice = try await Death.notice(of: child, by: incoming, until: deadline)
            return result
        }
    }

    func serve(_ arguments: [String]) async throws {
        let incoming = try NamedPipe(arguments[0], .open).openReader()
        let outgoing = try await NamedPipe(arguments[1], .open).openWriter()
        try await Exchange(incoming: incoming, outgoing: outgoing).serve()
    }
}
