import Glibc
import IPCPipes
import IPCProcess
import IPCSockets

/// `chat`: many clients, one server, on one machine or on several.
///
///     chat                      a server and three clients, each in a process of its own, that talk and leave
///     chat serve ADDRESS        the server: until its standard input ends
///     chat join ADDRESS NAME    a client: says its standard input line by line, and prints what is said
///
/// An address is `unix:/tmp/chat.sock`, `tcp:127.0.0.1:4711` or `tcp:HOST:PORT`. TCP is neither encrypted nor does it say
/// who somebody is: between machines, take a network that you trust, or a tunnel.
@main struct Chat {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        do {
            switch (arguments.first, arguments.count) {
            case (nil, _): try await demonstrate()
            case ("serve", 2): try await serve(at: SocketAddress(arguments.last!)) { _ in try await inputEnds() }
            case ("join", 3): try await join(SocketAddress(arguments[2]), as: arguments.last!)
            default:
                print("USAGE: chat [serve ADDRESS | join ADDRESS NAME]")
                exit(64)
            }
        } catch {
            print("chat: \(error)")
            exit(1)
        }
    }

    // MARK: The server

    /// Serves while `body` runs, which gets the address. Then nobody else comes in, all hear the end, and connections have
    /// the listener's grace period to go.
    private static func serve(
        at address: SocketAddress, while body: @Sendable (SocketAddress) async throws -> Void
    ) async throws {
        let room = Room()
        try await SocketListener.withListener(at: address, options: .init(gracePeriod: .seconds(2))) { listener in
            print("listening at \(listener.address)")
            fflush(nil)
            try await withThrowingTaskGroup { group in
                group.addTask {
                    await withDiscardingTaskGroup { clients in
                        while let connection = try? await listener.accept() {
                            clients.addTask { await attend(connection, in: room) }
                        }
                        await room.close()
                    }
                }
                try await body(listener.address)
                listener.close()  // accept returns nil; the clients' tasks end when they have gone
                try await group.waitForAll()
            }
        }
        print("closed")
    }

    /// One client, from its name to its end. What it does wrong is its own affair.
    private static func attend(_ connection: SocketConnection, in room: Room) async {
        do throws(IPCError) {
            let channel = try connection.channel(options: SocketOptions(maximumMessageSize: 4096))
            // Whoever connects and says nothing is not waited for.
            guard let name = try await channel.receive(until: .after(.seconds(5))) else { return channel.close() }
            let id = await room.enter(String(decoding: name, as: UTF8.self), channel)
            do throws(IPCError) {
                while let line = try await channel.receive() {
                    await room.say("\(String(decoding: name, as: UTF8.self)): \(String(decoding: line, as: UTF8.self))")
                }
            } catch {
                // Gone without a word.
            }
            await room.leave(id)
            try await channel.finish(until: .after(.seconds(1)))
        } catch {
            connection.close()
        }
    }

    private static func inputEnds() async throws {
        let input = try PipeReader(adopting: PassedDescriptor(duplicating: 0))
        while try await input.receive() != nil {}
    }

    // MARK: A client

    private static func join(_ address: SocketAddress, as name: String) async throws {
        let channel = try await SocketChannel.connect(
            to: address, options: SocketOptions(maximumMessageSize: 8192), retry: .untilDeadline,
            until: .after(.seconds(10)))
        try await channel.send(Array(name.utf8))
        let input = try PipeReader(adopting: PassedDescriptor(duplicating: 0))
        try await withThrowingTaskGroup { group in
            group.addTask {
                while let line = try await input.readLine() { try await channel.send(Array(line.utf8)) }
                try await channel.finish()
            }
            group.addTask {
                for try await line in channel.incoming {
                    print(String(decoding: line, as: UTF8.self))
                    fflush(nil)
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: All of it

    private static func demonstrate() async throws {
        let clients = ["Ada", "Grace", "Edsger"]
        try await serve(at: .tcp(port: 0)) { address in
            try await withThrowingTaskGroup { group in
                for name in clients {
                    group.addTask {
                        let output = try await Command(.current, "join", "\(address)", name).output(
                            input: Array("good morning\n".utf8), until: .after(.seconds(20)))
                        let own = output.lines.filter { $0.hasPrefix("\(name): ") }
                        print("\(name) heard \(own.count) of the lines that it said")
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
