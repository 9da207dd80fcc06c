import Glibc
import IPCCore
import IPCProcess
import IPCSockets
import IPCSystem

let socketScenarios: [String: Scenario] = [
    "socket-serve": serve,
    "socket-claim": claim,
    "socket-client": client,
    "socket-modes": modes,
    "socket-relative": relative,
    "socket-exhaustion": exhaustion,
    "socket-churn": churn,
    "socket-spawn-race": spawnRace,
    "socket-silence": silence,
]

/// `socket-serve PATH`: listens, says so, and echoes until it is killed or its input ends.
private func serve(_ arguments: [String]) async throws -> Int32 {
    try await SocketListener.withListener(at: .unix(path: arguments[0])) { listener in
        say("listening")
        try await withThrowingDiscardingTaskGroup { group in
            for try await connection in listener { group.addTask { try await echo(connection) } }
        }
    }
    return 0
}

private func echo(_ connection: SocketConnection) async throws {
    let channel = try connection.channel()
    do throws(IPCError) {
        while let message = try await channel.receive() { try await channel.send(message) }
        try await channel.finish()
    } catch {
        // The client may have been killed.
        guard error.code == .peerClosed else { throw error }
    }
}

/// `socket-claim PATH`: tries to listen when its input says go, and says "won" or the error's code. The winner stays
/// until its input ends.
private func claim(_ arguments: [String]) async throws -> Int32 {
    say("ready")
    var byte: UInt8 = 0
    _ = unsafe read(0, &byte, 1)
    do {
        let listener = try SocketListener(at: .unix(path: arguments[0]))
        say("won")
        // Only the end of the input: the bytes in it are for the others.
        var end = pollfd(fd: 0, events: 0, revents: 0)
        _ = unsafe poll(&end, 1, -1)
        // As by SIGKILL: the name stays.
        if arguments.count > 1 { kill(getpid(), SIGKILL) }
        listener.close()
    } catch {
        say("\(error.code)")
    }
    return 0
}

/// `socket-client PATH COUNT`: connects, sends COUNT bytes of the beginning of a stream of frames, and is killed.
private func client(_ arguments: [String]) async throws -> Int32 {
    let connection = try await SocketConnection.connect(to: .unix(path: arguments[0]))
    var bytes = Array("swiftIPC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
    for payload: [UInt8] in [[7], [8, 8]] {
        bytes += [UInt8(payload.count), 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] + payload
    }
    let count = min(Int(arguments[1]) ?? 0, bytes.count)
    if count > 0 { try await connection.write(Array(bytes[..<count])) }
    kill(getpid(), SIGKILL)
    return 1
}

/// `socket-modes FOLDER`: under whatever umask this runs, each file has the permissions that were asked for.
private func modes(_ arguments: [String]) async throws -> Int32 {
    for permissions: UInt32 in [0o600, 0o660, 0o666, 0o222, 0o777] {
        let path = "\(arguments[0])/s-\(permissions)"
        let listener = try SocketListener(
            at: .unix(path: path), options: SocketListenerOptions(permissions: AccessPermissions(rawValue: permissions))
        )
        let found = try FileCalls.status(at: path).permissions
        try require(found == permissions, "\(String(permissions, radix: 8)) became \(String(found, radix: 8))")
        let lock = try FileCalls.status(at: path + ".lock").permissions
        try require(lock & 0o177 == 0, "the lock file has \(String(lock, radix: 8))")
        listener.close()
    }
    let folder = try RuntimeDirectory.path()
    let mode = try FileCalls.status(at: folder).permissions
    try require(mode & 0o777 == 0o700, "\(folder) has \(String(mode, radix: 8))")
    return 0
}

/// `socket-relative`: a relative path is removed from where it was made, wherever the process has gone since.
private func relative(_ arguments: [String]) async throws -> Int32 {
    let listener = try SocketListener(at: .unix(path: "relative.sock"))
    let channel = try await SocketChannel.connect(to: .unix(path: "./relative.sock"))
    unsafe try require(chdir("/") == 0, "chdir")
    channel.close()
    listener.close()
    return 0
}

/// `socket-exhaustion PATH`: no descriptor is free for a while. The listener waits, does not spin, and goes on.
private func exhaustion(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    try await SocketListener.withListener(at: address) { listener in
        let waiting = try await SocketChannel.connect(to: address)
        try await waiting.send([1])
        // The runtime opens what it needs when its main thread goes to sleep and when a task first does.
        try await Task.sleep(for: .milliseconds(300))
        var taken: [Int32] = []
        var number = dup(0)
        while number >= 0 {
            taken.append(number)
            number = dup(0)
        }
        let before = processorTime()
        do {
            let connection = try await listener.accept(until: .after(.milliseconds(500)))
            throw Wrong("accepted \(connection as Any) without a free descriptor")
        } catch let error as IPCError {
            try require(error.code == .timedOut, "\(error)")
        }
        let used = processorTime() - before
        try require(used < 0.25, "\(used) s of processor time while it waited: it spins")
        let accepting = Task { try await listener.accept() }
        try await Task.sleep(for: .milliseconds(20))
        do {
            _ = try await SocketChannel.connect(to: address)
            throw Wrong("connected without a free descriptor")
        } catch let error as IPCError {
            try require(error.code == .resourceExhausted, "\(error)")
        }
        for number in taken { close(number) }
        guard let connection = try await accepting.value else { throw Wrong("the listener ended") }
        let message = try await connection.channel().receive()
        try require(message == [1], "\(message as Any)")
    }
    return 0
}

private func processorTime() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

/// `socket-churn PATH ROUNDS`: everything that can go wrong, over and over; then no descriptor and no name may be left.
private func churn(_ arguments: [String]) async throws -> Int32 {
    let path = arguments[0]
    let rounds = Int(arguments[1]) ?? 1
    try await churnRound(path)
    let before = try await settledDescriptors()
    for _ in 0..<rounds { try await churnRound(path) }
    try await requireDescriptors(before)
    return 0
}

private func churnRound(_ path: String) async throws {
    let address = try SocketAddress.unix(path: path)
    await expectFailure { _ = try await SocketChannel.connect(to: address) }
    let options = SocketListenerOptions(maximumConnections: 4, takesDescriptors: true, gracePeriod: .zero)
    try await SocketListener.withListener(at: address, options: options) { listener in
        await expectFailure { _ = try SocketListener(at: address) }
        let client = try await SocketChannel.connect(to: address, options: SocketOptions(maximumDescriptors: 2))
        guard let server = try await listener.accept()?.channel(options: SocketOptions(maximumDescriptors: 2)) else {
            return
        }
        for count in [0, 1, 2, 3] {
            let descriptors = try (0..<count).map { _ in try PassedDescriptor(duplicating: 0) }
            try await client.descriptorMessages.send(SocketMessage(payload: [UInt8(count)], descriptors: descriptors))
        }
        _ = try await server.receive()
        let message = try await server.descriptorMessages.receive()
        try require(message?.descriptors.count == 1, "\(message as Any)")
        await expectFailure {
            _ = try await server.receive(until: .now); _ = try await server.receive()
        }
        let (kept, given) = try SocketChannel.makePair()
        let moved = try SocketChannel.receive(given.transfer())
        try await kept.send([1])
        _ = try await moved.receive()
        _ = try await SocketConnection.connect(to: address)
        let cancelled = Task { try await kept.receive() }
        cancelled.cancel()
        _ = await cancelled.result
    }
    let listener = try SocketListener(at: address)
    let moved = try SocketListener.receive(listener.transfer())
    _ = try await SocketConnection.connect(to: address)
    moved.close()
}

/// `socket-silence PATH`: many announce half a GiB and say no more. No memory is taken before bytes come.
private func silence(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    try await SocketListener.withListener(at: address) { listener in
        var ends: [(client: SocketConnection, server: SocketChannel)] = []
        let before = try residentKilobytes()
        for _ in 0..<64 {
            let client = try await SocketConnection.connect(to: address)
            try await client.write(
                Array("swiftIPC".utf8) + [1, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
            guard let server = try await listener.accept()?.channel(options: SocketOptions(maximumMessageSize: 1 << 30))
            else {
                throw Wrong("the listener ended")
            }
            do throws(IPCError) {
                _ = try await server.receive(until: .after(.milliseconds(2)))
            } catch {
                try require(error.code == .timedOut, "\(error)")
            }
            ends.append((client, server))
        }
        let grown = try residentKilobytes() - before
        try require(grown < 64 << 10, "\(grown) KiB for 64 silent clients")
        for end in ends {
            end.client.close()
            end.server.close()
        }
    }
    return 0
}

private func residentKilobytes() throws -> Int {
    let status = String(decoding: try TestingCalls.contents(of: "/proc/self/status"), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line?.split(separator: " ").compactMap { Int($0) }.first ?? 0
}

private func expectFailure(_ body: () async throws -> Void) async {
    do { try await body() } catch {}
}

/// `socket-spawn-race PATH`: connections and descriptors come in while children start: none of them gets any.
private func spawnRace(_ arguments: [String]) async throws -> Int32 {
    let address = try SocketAddress.unix(path: arguments[0])
    try await SocketListener.withListener(at: address, options: .init(takesDescriptors: true)) { listener in
        let traffic = Task {
            while !Task.isCancelled {
                let client = try await SocketChannel.connect(to: address)
                let options = SocketOptions(maximumDescriptors: 4)
                guard let server = try await listener.accept()?.channel(options: options) else { return }
                for _ in 0..<10 {
                    let passed = try (0..<4).map { _ in try PassedDescriptor(duplicating: 1) }
                    try await client.descriptorMessages.send(SocketMessage(payload: [1], descriptors: passed))
                    _ = try await server.descriptorMessages.receive()
                }
            }
        }
        for _ in 0..<200 {
            let output = try await Command("ls", "/proc/self/fd").output()
            try require(output.text == "0\n1\n2\n3\n", "a child has more: \(output.text)")
        }
        traffic.cancel()
        _ = await traffic.result
    }
    return 0
}
