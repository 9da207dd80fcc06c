// The lines are those of the guides.
// swift-format-ignore-file
import Distributed
import IPCDistributed
import IPCSockets

/// The pieces of Swift in `Documentation/Calls.md` and in the article of IPCDistributed, so that they compile.
/// `DocumentationTests` compares them.
enum StoreError: Error, Codable { case missing }
struct KeyMissing: Error, Codable { var key: String }

private struct Database: Sendable {
    func get(_ key: String) async throws -> Int { key.utf8.count }
    func forget(_ key: String) async throws {}
}

private struct Withdraw: CallRequest {
    typealias Reply = NoReply
    typealias Failure = StoreError
    var amount: Int
}

struct Get: CallRequest {
    typealias Reply = Int
    typealias Failure = StoreError        // Codable; the default is Never
    static var isIdempotent: Bool { true }
    var key: String
}

private struct Tail: StreamRequest {
    typealias Item = String
    var path: String
}

private func follow(_ path: String) -> AsyncStream<String> {
    AsyncStream { continuation in
        for number in 0..<3 { continuation.yield("\(path) \(number)") }
        continuation.finish()
    }
}

private func serveAndAsk(_ listener: SocketListener, _ database: Database, path: String) async throws -> Int {
    // The server, for every connection of a listener:
    try await serveCalls(on: listener) { handlers in
        handlers.on(Get.self) { request, context in try await database.get(request.key) }
    }

    // The client:
    let socket = try await SocketConnection.connect(to: .unix(path: path))
    let server = try CallConnection(over: socket.channel())
    let value = try await server.call(Get(key: "a"), until: .after(.seconds(1)))
    return value
}

private func forget(_ handlers: inout CallHandlers, _ database: Database) {
    struct Forget: CallRequest {
        typealias Reply = NoReply
        var key: String
    }

    handlers.on(Forget.self) { request, _ in try await database.forget(request.key) }
}

private func tail(_ handlers: inout CallHandlers, _ server: CallConnection, path: String) async throws {
    struct Tail: StreamRequest {
        typealias Item = String
        var path: String
    }

    handlers.on(Tail.self) { request, lines, _ in
        for try await line in follow(request.path) { try await lines.send(line) }
    }

    for try await line in try server.stream(Tail(path: path), window: 64) { print(line) }
}

private func withdraw(_ server: CallConnection) async {
    do {
        try await server.call(Withdraw(amount: 50))
    } catch .thrown(let refusal) {
        print("refused: \(refusal)")            // a Withdraw.Failure
    } catch {
        if error.mayHaveBeenDone { print("look at the balance before you ask again") }
    }
}

private func connect(_ address: SocketAddress, path: String) async throws -> Int {
    let store = CallConnector { deadline async throws(IPCError) in
        try CallConnection(over: try await SocketConnection.connect(to: address, until: deadline).channel())
    }
    let value = try await store.call(Get(key: "a"), until: .after(.seconds(5)))
    for try await line in try await store.stream(Tail(path: path)) { print(line) }
    return value
}

distributed actor KeyStore {
    typealias ActorSystem = IPCActorSystem
    private var values: [String: String] = [:]
    distributed func put(_ key: String, _ value: String) { values[key] = value }
    distributed func get(_ key: String) throws -> String {
        guard let value = values[key] else { throw KeyMissing(key: key) }
        return value
    }
}

private func serveActors(_ listener: SocketListener) async throws {
    let system = IPCActorSystem(thrownErrors: [KeyMissing.self])
    try system.checkIn(KeyStore(actorSystem: system), as: "store")
    try await system.serve(on: listener)
}

private func callActors(_ socket: SocketConnection) async throws {
    let system = IPCActorSystem(thrownErrors: [KeyMissing.self])
    let process = try await system.connect(over: socket.channel())
    let store = try await system.lookUp(KeyStore.self, named: "store", at: process)
    try await store.put("planet", "Earth")
}

private func greet(_ listener: SocketListener, _ socket: SocketConnection) async throws -> String {
    struct Greet: CallRequest {
        typealias Reply = String
        var name: String
    }

    // The process that answers:
    try await serveCalls(on: listener) { handlers in
        handlers.on(Greet.self) { request, context in "Hello, \(request.name)" }
    }

    // The process that asks:
    let connection = try CallConnection(over: socket.channel())
    let greeting = try await connection.call(Greet(name: "Ada"), until: .after(.seconds(1)))
    return greeting
}
