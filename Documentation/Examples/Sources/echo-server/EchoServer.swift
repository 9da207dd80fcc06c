import Glibc
import IPCProcess
import IPCSockets

/// `echo-server`: a server and three clients, each in a process of its own.
///
///     echo-server                the server: listens, starts three clients, serves them, and ends when they have
///     echo-server client PATH    a client: sends ten messages and compares what comes back
@main struct EchoServer {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        do {
            switch (arguments.first, arguments.count) {
            case (nil, _): try await serve()
            case ("client", 2): try await talk(to: arguments.last!)
            default:
                print("USAGE: echo-server [client PATH]")
                exit(64)
            }
        } catch {
            print("echo-server: \(error)")
            exit(1)
        }
    }

    private static func serve() async throws {
        let address = try SocketAddress.unix(name: "echo-example-\(getpid()).sock")
        try await SocketListener.withListener(at: address) { listener in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    // Each connection in a task of its own; a client that misbehaves ends its own alone.
                    await withDiscardingTaskGroup { connections in
                        while let connection = try? await listener.accept() {
                            connections.addTask {
                                print("a client of user \(connection.peer.userID) came")
                                try? await echo(connection)
                            }
                        }
                    }
                }
                for number in 1...3 {
                    let status = try await Command(.current, "client", address.path ?? "").run()
                    print("client \(number) \(status)")
                }
                // No more connections: accept returns nil, and the task ends.
                listener.close()
                try await group.waitForAll()
            }
        }
    }

    private static func echo(_ connection: SocketConnection) async throws(IPCError) {
        let channel = try connection.channel()
        while let message = try await channel.receive() { try await channel.send(message) }
        try await channel.finish()
    }

    private static func talk(to path: String) async throws {
        let connection = try await SocketConnection.connect(to: .unix(path: path), until: .after(.seconds(60)))
        let channel = try connection.channel()
        for number in 1...10 {
            let message = Array("message \(number)".utf8)
            try await channel.send(message)
            guard try await channel.receive(until: .after(.seconds(60))) == message else {
                throw IPCError(.protocolViolation, "the server echoed something else")
            }
        }
        try await channel.finish()
        guard try await channel.receive() == nil else {
            throw IPCError(.protocolViolation, "the server sent more than was asked for")
        }
    }
}
