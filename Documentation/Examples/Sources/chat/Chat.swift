import Glibc
import IPCPipes
import IPCProcess
import IPCSignals
import IPCSockets

/// `chat`: many clients, one server, on one machine or on several.
///
///     chat                      a server and three clients, each in a process of its own, that talk and leave
///     chat serve ADDRESS        the server: until its standard input ends, or SIGTERM or Control-C
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

    /// Serves while `body` runs, which gets the address, and no signal asks for the end. Then nobody else comes in, all hear
    /// the end, and connections have the listener's grace period to go.
    private static func serve(
        at address: SocketAddress, while body: @escaping @Sendable (SocketAddress) async throws -> Void
    ) async throws {
        try await withGracefulShutdown(on: .terminate, .interrupt, grace: .seconds(30)) {
            try await listen(at: address, while: body)
        }
        print("closed")
    }

    private static func listen(
        at address: SocketAddress, while body: @Sendable (SocketAddress) async throws -> Void
    ) async throws {
        let room = Room()
        // Whoever connects and says nothing is not waited for.
        let options = SocketListenerOptions(gracePeriod: .seconds(10), handshakeDeadline: .seconds(30))
        try await SocketListener.withListener(at: address, options: options) { listener in
            print("listening at \(listener.address)")
            fflush(nil)
            try await withThrowingTaskGroup { group in
                group.addTask {
                    await withDiscardingTaskGroup { clients in
                        // Nil when the listener is closed, and an error when the server is asked to end.
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
    }

    /// The longest name, and the longest line, in bytes. What is said to all is longer than what one said: so the channels
    /// take more, or one client's long line would be too long for all the others.
    private static let longestName = 32
    private static let longestLine = 2000
    private static let channelOptions = SocketOptions(maximumMessageSize: 8192)

    /// One client, from its name to its end. What it does wrong is its own affair.
    private static func attend(_ connection: SocketConnection, in room: Room) async {
        do throws(IPCError) {
            let channel = try connection.channel(options: channelOptions)
            guard let name = try await channel.receive(), (1...longestName).contains(name.count) else {
                return channel.close()
            }
            let speaker = String(decoding: name, as: UTF8.self)
            let id = await room.enter(speaker, channel)
            do throws(IPCError) {
                while let line = try await channel.receive() {
                    guard line.count <= longestLine else {
                        channel.close()
                        break
                    }
                    await room.say("\(speaker): \(String(decoding: line, as: UTF8.self))")
                }
            } catch  where error.code == .cancelled {
                return  // The server ends: the room says so to everybody, and finishes.
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
            to: address, options: channelOptions, retry: .untilDeadline,
            until: .after(.seconds(60)))
        try await channel.send(Array(name.utf8))
        let input = try PipeReader(adopting: PassedDescriptor(duplicating: 0))
        try await withThrowingTaskGroup { group in
            group.addTask {
                while let line = try await input.readLine() {
                    if line.utf8.count > longestLine {
                        print("(too long to be said: \(line.utf8.count) bytes)")
                    } else {
                        try await channel.send(Array(line.utf8))
                    }
                }
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
                            input: Array("good morning\n".utf8), until: .after(.seconds(120)))
                        let own = output.lines.filter { $0.hasPrefix("\(name): ") }
                        print("\(name) heard \(own.count) of the lines that it said")
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
