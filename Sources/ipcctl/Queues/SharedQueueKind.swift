import IPCMessageQueue
import IPCSharedMemory

/// `shm:NAME`, or `shm:/PATH` for one in a file.
enum SharedQueueKind: QueueKind {
    static let label = "shared"
    private static let prefix = "shm:"

    static func claims(_ name: String) -> Bool { name.hasPrefix(prefix) }

    private static func place(_ name: String) -> SharedMemoryPlace {
        let rest = String(name.dropFirst(prefix.count))
        return rest.hasPrefix("/") ? .file(rest) : .named(rest)
    }

    // Taking part waits for a thread of the library, some 0.1 ms, and this program has nothing else to do.
    static func open(_ name: String, makes: Bool) throws -> any MessageQueue {
        do throws(IPCError) {
            return try SharedQueue(blockingAt: place(name), .open, until: .after(.seconds(10)))
        } catch {
            // One that somebody makes at this moment with other options is not what was asked for.
            guard error.code == .notFound, makes else { throw error }
            return try SharedQueue(blockingAt: place(name), .openOrCreate, until: .after(.seconds(10)))
        }
    }

    static func remove(_ name: String) throws { try SharedQueue.remove(place(name)) }

    static func list() throws -> (rows: [[String]], note: String?) {
        let rows = try SharedQueue.list().map { region in
            let queue = try? SharedQueue(blockingAt: region.place, .open, until: .after(.seconds(1)))
            return [
                "\(prefix)\(region.name)", queue.flatMap { try? "\($0.depth)" } ?? "-", "\(region.byteCount) bytes",
                "\(region.owner)", "\(region.permissions)",
            ]
        }
        return (rows, nil)
    }
}
