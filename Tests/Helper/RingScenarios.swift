import IPCProcess
import IPCSharedMemory
import IPCSockets
import IPCSystem

let ringScenarios: [String: Scenario] = [
    "ring-produce": produce,
    "ring-consume": consume,
    "ring-serve": serveRings,
    "ring-storm": storm,
    "ring-give-within-call": giveWithinCall,
]

/// The message that a producer sends as number `index`: of all sizes, through all forms, each byte known.
enum RingRecord {
    static let ringByteCount = 16 << 10

    static func size(_ index: Int) -> Int {
        switch index % 7 {
        case 0: 16 + index % 40
        case 1: 57 + index % 100
        case 2: 1_000 + index % 3_000
        case 3: 16
        case 4: 9_000 + index % 20_000  // in fragments
        case 5: 48
        default: 4_096
        }
    }

    static func bytes(_ index: Int) -> [UInt8] {
        (0..<size(index)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index &* 7) }
    }
}

/// `ring-produce`: sends records through its inherited end until it is killed or its peer goes.
private func produce(_ arguments: [String]) async throws -> Int32 {
    let channel = try InheritedEndpoints.take(0, as: RingChannel.self)
    channel.trust = .trusted
    var index = 0
    do {
        while true {
            let bytes = RingRecord.bytes(index)
            switch index % 4 {
            case 0: try await channel.send(bytes)
            case 1:
                try await channel.send(byteCount: bytes.count) { span in
                    for byte in bytes { span.append(byte) }
                }
            case 2 where bytes.count <= channel.ringByteCount:
                var loan = try await channel.loan(byteCount: bytes.count)
                fill(&loan, bytes)
                try loan.send()
            default: try await channel.send(contentsOf: [bytes])
            }
            index += 1
        }
    } catch let error as IPCError where error.code == .peerClosed {
        return 0
    } catch let error as BatchError where error.error.code == .peerClosed {
        return 0
    }
}

private func fill(_ loan: inout RingLoan, _ bytes: [UInt8]) {
    var room = loan.mutableBytes
    for index in bytes.indices { room.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self) }
}

/// `ring-consume`: receives until it is killed or its peer goes.
private func consume(_ arguments: [String]) async throws -> Int32 {
    let channel = try InheritedEndpoints.take(0, as: RingChannel.self)
    do throws(IPCError) {
        while try await channel.receive() != nil {}
    } catch {
        try require(error.code == .peerClosed || error.code == .truncated, "\(error)")
    }
    return 0
}

/// `ring-serve PATH`: listens, says so, and echoes until it is killed.
private func serveRings(_ arguments: [String]) async throws -> Int32 {
    try await RingListener.withListener(at: .unix(path: arguments[0])) { listener in
        say("listening")
        try await withThrowingDiscardingTaskGroup { group in
            for try await channel in listener {
                group.addTask {
                    do throws(IPCError) {
                        while let message = try await channel.receive() { try await channel.send(message) }
                        try await channel.finish()
                    } catch {
                        guard error.code == .peerClosed else { throw error }
                    }
                }
            }
        }
    }
    return 0
}

/// `ring-storm COUNT [SEED]`: so many producers and consumers killed at random instants. Whatever a producer had
/// committed arrives whole and in order, then its death is told; a sender hears of its consumer's death.
private func storm(_ arguments: [String]) async throws -> Int32 {
    let count = Int(arguments[0]) ?? 0
    var random = UInt64(arguments.count > 1 ? arguments[1] : "1") ?? 1
    var received = 0
    for round in 0..<count {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let pause = Duration.nanoseconds(Int64(random >> 33) % 2_000_000)
        if round % 4 == 3 {
            try await killConsumer(after: pause)
        } else {
            received += try await killProducer(after: pause)
        }
    }
    say("\(count) kills, \(received) messages")
    return 0
}

private func start(_ scenario: String) async throws -> (RingChannel, ChildProcess) {
    let (near, far) = try RingChannel.makePair(options: RingOptions(ringByteCount: RingRecord.ringByteCount))
    let child = try await ChildProcess.spawn(
        .path(CommandLine.arguments[0]), arguments: [scenario], transferring: [far])
    return (near, child)
}

private func kill(_ child: ChildProcess, after pause: Duration) -> Task<Void, any Error> {
    Task {
        try await Task.sleep(for: pause)
        try await child.kill()
    }
}

private func killProducer(after pause: Duration) async throws -> Int {
    let (near, child) = try await start("ring-produce")
    // From its first message on: a process takes longer to start than it is given to live.
    var killing: Task<Void, any Error>?
    var index = 0
    do throws(IPCError) {
        while let message = try await near.receive(until: .after(.seconds(60))) {
            guard message == RingRecord.bytes(index) else {
                throw IPCError(.systemFailure, "message \(index) of \(message.count) bytes is not what was sent")
            }
            index += 1
            if killing == nil { killing = kill(child, after: pause) }
        }
        throw IPCError(.systemFailure, "a finish that nobody said")
    } catch {
        try require(error.code == .peerClosed || error.code == .truncated, "\(error)")
    }
    try await killing?.value
    _ = try await child.exitStatus(until: .after(.seconds(60)))
    return index
}

private func killConsumer(after pause: Duration) async throws {
    let (near, child) = try await start("ring-consume")
    var killing: Task<Void, any Error>?
    var index = 0
    do throws(IPCError) {
        while true {
            try await near.send(RingRecord.bytes(index), until: .after(.seconds(60)))
            index += 1
            // More than the ring holds: it takes some.
            if index == 40 { killing = kill(child, after: pause) }
        }
    } catch {
        try require(error.code == .peerClosed, "\(error)")
    }
    try await killing?.value
    _ = try await child.exitStatus(until: .after(.seconds(60)))
}

/// `ring-give-within-call`: gives an end away at the instant at which a call of another task has taken the sleeper's mark and
/// has not rung yet; is killed there.
private func giveWithinCall(_ arguments: [String]) async throws -> Int32 {
    let (near, far) = try RingChannel.makePair(options: RingOptions(spin: .never))
    KillPoints.arm("ring-before-bell", passage: 1) {
        do throws(IPCError) {
            _ = try near.transfer()
            say("given away")
        } catch {
            say("\(error.code)")
        }
    }
    let waiting = Task { while try await far.receive() != nil {} }
    // One of them finds the receiver asleep.
    for _ in 0..<1000 {
        try await near.send([1])
        try await Task.sleep(for: .milliseconds(10))
    }
    waiting.cancel()
    say("nobody slept")
    return 1
}
