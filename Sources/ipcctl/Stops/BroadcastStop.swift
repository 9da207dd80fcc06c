import IPCProcess
import IPCSharedMemory

/// Two broadcasts that lose nothing: one to the second process, one back.
struct BroadcastStop: TourStop {
    let mechanism = "broadcast"

    private var options: BroadcastOptions { BroadcastOptions(delivery: .lossless(readers: 4), capacity: 1 << 20) }

    func visit(until deadline: Deadline) async throws -> TourResult {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let (there, back) = (SharedMemoryPlace.named(name), SharedMemoryPlace.named("\(name)-back"))
        defer {
            try? SharedMemory.remove(there)
            try? SharedMemory.remove(back)
        }
        let writer = try Broadcast.Writer(at: there, .create, options: options)
        let child = try await Tour.startPeer(of: self, arguments: [name])
        return try await withPeer(child) { child in
            let reader = try await firstReader(of: back, until: deadline)
            var result = try await Exchange(incoming: reader, outgoing: writer).run(until: deadline)
            result.deathNotice = try await Death.notice(of: child, by: reader, until: deadline)
            return result
        }
    }

    /// Looks for what the second process makes.
    private func firstReader(of place: SharedMemoryPlace, until deadline: Deadline) async throws -> Broadcast.Reader {
        while true {
            do throws(IPCError) {
                return try Broadcast.Reader(at: place, from: .oldest)
            } catch {
                guard error.code == .notFound, !deadline.hasPassed else { throw error }
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    func serve(_ arguments: [String]) async throws {
        let reader = try Broadcast.Reader(at: .named(arguments[0]), from: .oldest)
        let writer = try Broadcast.Writer(at: .named("\(arguments[0])-back"), .create, options: options)
        try await Exchange(incoming: reader, outgoing: writer).serve()
    }
}
