import Glibc
import IPCCore
import IPCProcess
import IPCSockets

let networkScenarios: [String: Scenario] = [
    "net-serve": serve,
    "net-ask": ask,
    "net-wait": waitForEnd,
    "net-hear": hear,
    "net-tell": tell,
    "net-peer": peer,
    "net-activated": activated,
    "net-idle": idle,
]

/// `net-serve ADDRESS`: listens, says so, and echoes until it is killed.
private func serve(_ arguments: [String]) async throws -> Int32 {
    try await SocketListener.withListener(at: SocketAddress(arguments[0])) { listener in
        say("listening at \(listener.address)")
        try await withThrowingDiscardingTaskGroup { group in
            for try await connection in listener {
                group.addTask {
                    do {
                        let channel = try connection.channel()
                        for try await message in channel.incoming { try await channel.send(message) }
                        try await channel.finish()
                    } catch {
                        // The client may have been killed.
                    }
                }
            }
        }
    }
    return 0
}

/// `net-ask ADDRESS COUNT`: sends so many messages of growing sizes and says how many came back as they were.
private func ask(_ arguments: [String]) async throws -> Int32 {
    do throws(IPCError) {
        let channel = try await SocketChannel.connect(
            to: try SocketAddress(arguments[0]), until: .after(.seconds(60)))
        var count = 0
        for index in 0..<(Int(arguments[1]) ?? 0) {
            let message = [UInt8](repeating: UInt8(index & 255), count: index * index * 3)
            // The server echoes once it has the whole message, so nothing fills up meanwhile.
            try await channel.send(message)
            if try await channel.receive() == message { count += 1 }
        }
        try await channel.finish()
        say("\(count) answers")
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// `net-wait ADDRESS`: connects, and says how a connection ended on which nothing came.
private func waitForEnd(_ arguments: [String]) async throws -> Int32 {
    let keepAlive = SocketKeepAlive(idle: .seconds(1), interval: .seconds(1), attempts: 2)
    let channel = try await SocketChannel.connect(
        to: SocketAddress(arguments[0]), options: SocketOptions(keepAlive: keepAlive))
    try await channel.send([1])
    _ = try await channel.receive()
    say("connected")
    do throws(IPCError) {
        _ = try await channel.receive()
        say("finished")
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// `net-hear GROUP INTERFACE|broadcast`: says when it is ready, and who sent the first message.
private func hear(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress(arguments[0])
    let message: Datagram<[UInt8]>?
    if arguments[1] == "broadcast" {
        let channel = try DatagramChannel(at: address)
        say("ready")
        message = try await channel.receive(until: .after(.seconds(60)))
    } else {
        let receiver = try MulticastReceiver(group: address, options: .init(interface: arguments[1]))
        say("ready")
        message = try await receiver.receive(until: .after(.seconds(60)))
    }
    guard let message, message.payload == Array("news".utf8), let sender = message.address?.ipAddress else {
        throw Wrong("heard \(message as Any)")
    }
    say("news from \(sender)")
    return 0
}

/// `net-tell GROUP INTERFACE|broadcast`: sends news every few milliseconds until it is killed.
private func tell(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress(arguments[0])
    let sender =
        arguments[1] == "broadcast"
        ? nil : try MulticastSender(group: address, options: .init(interface: arguments[1]))
    let channel = try DatagramChannel(at: .udp(host: "0.0.0.0", port: 0), options: .init(allowsBroadcast: true))
    for _ in 0..<6_000 {
        do throws(IPCError) {
            if let sender {
                try await sender.send(Array("news".utf8))
            } else {
                try await channel.send(Datagram(payload: Array("news".utf8), address: address))
            }
        } catch {
            // A cable that was just plugged in leads nowhere for a moment.
            guard error.code == .unreachable || error.code == .notFound else { throw error }
        }
        try await Task.sleep(for: .milliseconds(10))
    }
    return 0
}

/// `net-peer`: says who is at the other end of the channel that it was given.
private func peer(_ arguments: [String]) async throws -> Int32 {
    say("\(try InheritedEndpoints.take(0, as: SocketChannel.self).peer.processID)")
    return 0
}

/// `net-activated yes|no`: takes the three sockets that its starter made, and serves one of each; or finds none.
private func activated(_ arguments: [String]) async throws -> Int32 {
    let sockets = try SocketActivation.take()
    unsafe try require(getenv("LISTEN_FDS") == nil && getenv("LISTEN_PID") == nil, "the variables are still there")
    try require(try SocketActivation.take().isEmpty, "taken twice")
    if arguments[0] == "no" {
        try require(sockets.isEmpty, "took what was another's")
        return 0
    }
    try require(sockets.map(\.name) == ["local", "web", "ask"], "\(sockets.map(\.name))")
    for (index, text) in ["unix", "tcp"].enumerated() {
        let listener = try SocketListener(adopting: sockets[index].descriptor)
        try require(listener.address.description.hasPrefix(text), "\(listener.address)")
        let connection = try await listener.accept(until: .after(.seconds(60)))
        try await connection?.write(Array(text.utf8))
        try await connection?.finishWriting()
        connection?.close()
        listener.close()
    }
    let channel = try DatagramChannel(adopting: sockets[2].descriptor)
    let question = try await channel.receive(until: .after(.seconds(60)))
    try await channel.send(Datagram(payload: Array("!".utf8), address: question?.address))
    return 0
}

/// `net-idle COUNT`: so many TCP connections, both ends of each waiting here. No thread wakes up meanwhile.
private func idle(_ arguments: [String]) async throws -> Int32 {
    let count = Int(arguments[0]) ?? 0
    var limit = rlimit(rlim_cur: 8192, rlim_max: 8192)
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let listener = try SocketListener(
        at: .tcp(port: 0), options: .init(maximumConnections: count, handshakeDeadline: nil))
    let received = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<count {
            guard let client = try? await SocketChannel.connect(to: listener.address),
                let server = try? await listener.accept()?.channel()
            else { continue }
            for channel in [client, server] {
                group.addTask { (try? await channel.receive()) == nil }
            }
        }
        // The first seconds belong to waits that are still young, and to the threads that go to sleep: more of them on a
        // busy machine.
        try? await Task.sleep(for: .seconds(3))
        var used = Int.max
        for _ in 0..<20 where used >= 200 {
            let before = switches()
            try? await Task.sleep(for: .seconds(2))
            used = switches() - before
        }
        group.cancelAll()
        var ended = 0
        for await isOver in group where isOver { ended += 1 }
        return (used, ended)
    }
    try require(received.1 == 2 * count, "only \(received.1) of \(2 * count) waits ended")
    // One wake-up for each of the connections would be a thousand; the sleep itself costs a few.
    try require(received.0 < 200, "\(received.0) switches in two idle seconds")
    return 0
}

/// How often threads of this process have gone to sleep or were sent there.
private func switches() -> Int {
    var usage = rusage()
    unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_nvcsw + usage.ru_nivcsw
}
