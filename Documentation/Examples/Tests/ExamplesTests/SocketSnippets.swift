// The lines are those of the guides.
// swift-format-ignore-file
import IPCProcess
import IPCSignals
import IPCSockets

// The pieces of Swift in `Documentation/Sockets.md` and `Documentation/Signals.md`, so that they compile.
// `DocumentationTests` compares them.

private func echo() async throws {
    let address = try SocketAddress(CommandLine.arguments[1])  // unix:/run/shop/orders.sock, or tcp:10.0.0.7:4711
    try await SocketListener.withListener(at: address) { listener in
        try await withThrowingDiscardingTaskGroup { group in
            for try await connection in listener {
                group.addTask {
                    do {
                        let channel = try connection.channel()
                        for try await message in channel.incoming { try await channel.send(message) }
                        try await channel.finish()
                    } catch { /* A client that goes without a word is its own affair. */  }
                }
            }
        }
    }
}

private func datagrams() async throws {
    // Who receives, at a port or a path of its own.
    let inbox = try DatagramChannel(at: .udp(host: "127.0.0.1", port: 4711))
    for try await message in inbox.incoming {
        if let sender = message.address { try await inbox.send(message.payload, to: sender) }
    }

    // Who sends. Connected, it hears that nobody is there, and hears nobody else.
    let outbox = try await DatagramChannel.connect(to: .udp(host: "127.0.0.1", port: 4711))
    try await outbox.send(Datagram(payload: Array("hello".utf8)))
    let answer = try await outbox.receive(until: .after(.seconds(1)))  // UDP may have lost either

    // One sends to a group, all who have joined it receive.
    let group = try SocketAddress.udp(host: "239.1.2.3", port: 4712)
    let news = try MulticastReceiver(group: group)
    let speaker = try MulticastSender(group: group)
    try await speaker.send(Array("breaking".utf8))
    let first = try await news.receive(until: .after(.seconds(1)))
    print(answer as Any, first as Any)
}

private func reload() async throws {
    try await Signals.with(.hangUp) { events in
        for await event in events {
            print("process \(event.processID ?? 0) of user \(event.userID ?? 0) asks to reload")
        }
    }
}

private func work() async throws {}
private func serve(_ connection: SocketConnection) async {}

private func stop(_ address: SocketAddress) async throws {
    try await withGracefulShutdown(on: .terminate, .interrupt, grace: .seconds(10)) {
        try await work()
    }
    try await withGracefulShutdown(on: .terminate, .interrupt, grace: .seconds(10)) { shutdown in
        try await SocketListener.withListener(at: address) { listener in
            // Nobody comes in any more; who is here has five seconds, and then hears the end.
            shutdown.onRequest { await listener.shutDown(until: .after(.seconds(5))) }
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in listener { group.addTask { await serve(connection) } }
            }
        }
    }
}

private func numbers() async throws {
    let channel = try SignalChannel(on: .realTimeSignals[0])
    let child = try await ChildProcess.spawn("worker", transferring: [channel.invitation])
    try await channel.send(42)
    print(try await child.exitStatus())
}
