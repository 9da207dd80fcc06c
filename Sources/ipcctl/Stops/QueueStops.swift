import IPCMessageQueue
import IPCProcess
import IPCSharedMemory

/// Two POSIX queues by their names.
struct POSIXQueueStop: TourStop {
    let mechanism = "POSIX queues"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let name = "/ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let there = try POSIXMessageQueue(named: name + "-there", .create)
        let back = try POSIXMessageQueue(named: name + "-back", .create)
        defer {
            try? POSIXMessageQueue.remove(named: there.name)
            try? POSIXMessageQueue.remove(named: back.name)
        }
        let child = try await Tour.startPeer(of: self, arguments: [there.name, back.name])
        return try await QueueVisit.run(child, incoming: back, outgoing: there, until: deadline)
    }

    func serve(_ arguments: [String]) async throws {
        let incoming = try POSIXMessageQueue(named: arguments[0], .open)
        let outgoing = try POSIXMessageQueue(named: arguments[1], .open)
        try await Exchange(incoming: incoming.payloads(), outgoing: outgoing.payloads()).serve()
    }
}

/// A System V queue: one type goes there, the other comes back.
struct SystemVQueueStop: TourStop {
    let mechanism = "System V queue"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let queue = try SystemVMessageQueue.makePrivate()
        defer { try? queue.remove() }
        let child = try await Tour.startPeer(of: self, arguments: ["\(queue.identifier)"])
        return try await withPeer(child) { child in
            try await QueueVisit.run(
                child, incoming: queue.payloads(selecting: .only(2)), outgoing: queue.payloads(labeled: .init(type: 1)),
                until: deadline)
        }
    }

    func serve(_ arguments: [String]) async throws {
        let queue = try SystemVMessageQueue(identifier: Int32(arguments[0]) ?? -1)
        try await Exchange(
            incoming: queue.payloads(selecting: .only(1)), outgoing: queue.payloads(labeled: .init(type: 2))
        ).serve()
    }
}

/// One shared queue by its name: one type goes there, the other comes back.
struct SharedQueueStop: TourStop {
    let mechanism = "shared queue"

    func visit(until deadline: Deadline) async throws -> TourResult {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        let queue = try await SharedQueue(at: .named(name), until: deadline)
        defer { try? SharedQueue.remove(queue.place) }
        let child = try await Tour.startPeer(of: self, arguments: [name])
        return try await withPeer(child) { child in
            try await QueueVisit.run(
                child, incoming: queue.payloads(selecting: .only(2)), outgoing: queue.payloads(labeled: .init(type: 1)),
                until: deadline)
        }
    }

    func serve(_ arguments: [String]) async throws {
        let queue = try await SharedQueue(at: .named(arguments[0]), .open)
        try await Exchange(
            incoming: queue.payloads(selecting: .only(1)), outgoing: queue.payloads(labeled: .init(type: 2))
        ).serve()
    }
}

/// What they have in common: a queue tells nobody of a death, so a process is asked for it.
enum QueueVisit {
    static func run(
        _ child: ChildProcess, incoming: POSIXMessageQueue, outgoing: POSIXMessageQueue, until deadline: Deadline
    ) async throws -> TourResult {
        try await withPeer(child) { child in
            try await run(child, incoming: incoming.payloads(), outgoing: outgoing.payloads(), until: deadline)
        }
    }

    static func run(
        _ child: ChildProcess, incoming: some ReceiveChannel<[UInt8]>, outgoing: some SendChannel<[UInt8]>,
        until deadline: Deadline
    ) async throws -> TourResult {
        var result = try await Exchange(incoming: incoming, outgoing: outgoing).run(until: deadline)
        result.deathNotice = try await Death.notice(of: child) { () -> ExitStatus? in
            try? await child.exitStatus(until: deadline)
        } expected: {
            $0 == .signaled(.kill, coreDumped: false)
        }
        return result
    }
}
