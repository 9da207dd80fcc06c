import Glibc
import IPCDistributed
import Synchronization

/// `store`: a server and its database as two processes. The database is killed again and again, and no answer is lost.
///
///     store [VALUES]             the server: has VALUES (200) values stored by a client, and killed databases replaced
///     store database JOURNAL     the database, started by the server
///     store client PATH VALUES   the client: stores values, reads them again, and counts
@main struct Store {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch (arguments.first, arguments.count) {
            case ("database", 2): try await Database.serve(journal: arguments[1])
            case ("client", 3): try await talk(to: arguments[1], Int(arguments[2]) ?? 0)
            case (nil, _): try await serve(200)
            case (let count?, 1) where Int(count).map({ $0 > 0 }) == true: try await serve(Int(count)!)
            default:
                print("USAGE: store [VALUES]")
                exit(64)
            }
        } catch {
            print("store: \(error)")
            exit(1)
        }
    }

    private static func serve(_ count: Int) async throws {
        let address = try SocketAddress.unix(name: "store-example-\(getpid()).sock")
        let journal = (address.path ?? "store") + ".journal"
        defer { unlink(journal) }
        let keeper = DatabaseKeeper(journal: journal)
        // Whoever asks while there is no database starts one, and asks again what may be asked twice.
        let database = CallConnector { _ async throws(IPCError) in try await keeper.start() }
        try await SocketListener.withListener(at: address) { listener in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await serveCalls(on: listener) { handlers in
                        handlers.on(Put.self) { request, context in
                            await keeper.killOften()
                            _ = try await forward(request, to: database, context)
                        }
                        handlers.on(Get.self) { request, context in
                            await keeper.killOften()
                            return try await forward(request, to: database, context)
                        }
                    }
                }
                let status = try await Command(.current, "client", address.path ?? "", "\(count)").run()
                print("the client \(status)")
                listener.close()
                try await group.waitForAll()
            }
        }
        database.close()
        print("databases killed: \(await keeper.killed > 0 ? "yes" : "no")")
        await keeper.end()
    }

    /// The database's answer as the server's own: its error is thrown on as itself.
    private static func forward<Request: CallRequest>(
        _ request: Request, to database: CallConnector, _ context: CallContext
    ) async throws -> Request.Reply {
        do {
            return try await database.call(request, until: context.deadline)
        } catch .thrown(let error) {
            throw error
        } catch .failed(let error, _) {
            throw error
        }
    }

    private static func talk(to path: String, _ count: Int) async throws {
        let socket = try await SocketConnection.connect(to: .unix(path: path), until: .after(.seconds(60)))
        let server = try CallConnection(over: socket.channel())
        try await withThrowingTaskGroup { group in
            for first in 0..<4 {
                group.addTask {
                    for number in stride(from: first, to: count, by: 4) {
                        try await server.call(Put(key: "key\(number)", value: number), until: .after(.seconds(60)))
                    }
                }
            }
            try await group.waitForAll()
        }
        var right = 0
        for number in 0..<count {
            if try await server.call(Get(key: "key\(number)"), until: .after(.seconds(60))) == number { right += 1 }
        }
        do {
            _ = try await server.call(Get(key: "nothing"))
        } catch .thrown(.missing(let key)) {
            print("there is no \(key)")
        }
        print("\(right) of \(count) values are there")
        await server.finish()
    }
}

/// Starts databases, and kills them to show that it does no harm.
actor DatabaseKeeper {
    private let journal: String
    private var current: ChildProcess?
    private var asked = 0
    private(set) var killed = 0

    init(journal: String) {
        self.journal = journal
    }

    func start() async throws(IPCError) -> CallConnection {
        // Before a new one opens the journal, the old one must be gone.
        await end()
        let (ours, theirs) = try SocketChannel.makePair()
        current = try await ChildProcess.spawn(.current, arguments: ["database", journal], transferring: [theirs])
        return try CallConnection(over: ours, options: CallOptions(interface: "store/1"))
    }

    /// Every fiftieth time: the database dies while requests are on their way to it.
    func killOften() {
        asked += 1
        guard asked % 50 == 0, let current else { return }
        killed += 1
        try? current.send(.kill)
    }

    func end() async {
        guard let child = current else { return }
        current = nil
        _ = try? await child.kill()
    }
}
