import IPCDistributed
import IPCSharedMemory
import IPCSystem

/// `storm-callee FOLDER KIND PLACE`: answers until it is killed, or told to leave.
struct StormCallee: Sendable {
    let record: StormRecord
    let kind: StormKind
    let folder: String
    let place: Int
    private let options = CallOptions(requestLimit: 16, gracePeriod: .seconds(5))

    init(_ arguments: [String]) throws {
        folder = arguments[0]
        kind = StormKind(rawValue: arguments[1])!
        place = Int(arguments[2])!
        record = try StormRecord(in: folder, .open)
    }

    func live() async throws {
        let address = try kind.address(folder, place)
        switch kind {
        case .unix:
            let listener = try SocketListener(at: address)
            let leaving = Task {
                await waitToLeave()
                listener.close()
            }
            try await serveCalls(on: listener, options: options, addHandlers)
            await leaving.value
        case .ring:
            let listener = try RingListener(at: address)
            let leaving = Task {
                await waitToLeave()
                listener.close()
            }
            try await serve(listener)
            await leaving.value
        }
    }

    private func waitToLeave() async {
        while record.leave(place).load() == 0 { try? await Task.sleep(for: .milliseconds(2)) }
    }

    /// What `serveCalls` does for sockets.
    private func serve(_ listener: RingListener) async throws {
        let connections = Connections()
        try await withThrowingDiscardingTaskGroup { group in
            while let ring = try await accept(listener) {
                guard let connection = try? CallConnection(over: ring, options: options, addHandlers) else { continue }
                connections.all.withLock { $0[ObjectIdentifier(connection)] = connection }
                group.addTask {
                    try? await connection.waitUntilEnd()
                    _ = connections.all.withLock { $0.removeValue(forKey: ObjectIdentifier(connection)) }
                }
            }
            for connection in connections.all.withLock({ Array($0.values) }) {
                group.addTask { await connection.finish() }
            }
        }
    }

    /// A client that died while its ring was made is none.
    private func accept(_ listener: RingListener) async throws -> RingChannel? {
        while true {
            do {
                return try await listener.accept()
            } catch {
                guard error.code != .closed else { return nil }
                guard error.code == .peerClosed || error.code == .truncated else { throw error }
            }
        }
    }

    private func addHandlers(_ handlers: inout CallHandlers) {
        handlers.on(Ask.self) { request, _ in
            try await run(request.number) {
                if request.pause > .zero { try await Task.sleep(for: request.pause) }
                return Ask.answer(request.number, request.bytes.count)
            }
        }
        handlers.on(AskShortly.self, isShort: true) { request, _ in
            try await run(request.number) { Ask.answer(request.number, 0) }
        }
        handlers.on(AskAgain.self) { request, _ in
            try await run(request.number) { Ask.answer(request.number, 0) }
        }
        handlers.on(AskBack.self) { request, context in
            try await run(request.number) {
                try await context.connection.call(Back(number: request.number), until: context.deadline)
            }
        }
        handlers.on(Flow.self) { request, items, _ in
            _ = try await run(request.number) {
                for index in 0..<request.count {
                    try await items.send(
                        FlowItem(
                            number: request.number, index: index, bytes: [UInt8](repeating: 7, count: request.size)))
                }
                return 0
            }
        }
    }

    private func run(_ number: UInt64, _ body: () async throws -> UInt64) async throws -> UInt64 {
        let running = record.running(place)
        running.wrappingAdd(1)
        defer { running.wrappingSubtract(1) }
        record.add(.runs, number)
        let reply = try await body()
        record.add(.ends, number)
        return reply
    }
}

private final class Connections: Sendable {
    let all = Lock<[ObjectIdentifier: CallConnection]>([:])
}
