import Glibc
import IPCProcess
import IPCSignals
import IPCSystem
import Synchronization

/// The other end of a `SignalChannel`.
let signalChannelScenarios: [String: Scenario] = [
    // COUNT: sends the numbers below it, and the end.
    "signal-send": { arguments in
        let channel = try accepted()
        for number in 0..<(Int32(arguments[0]) ?? 0) { try await channel.send(number, until: .after(.seconds(60))) }
        try await channel.finish(until: .after(.seconds(60)))
        // Until the other end has seen it.
        return try await channel.receive(until: .after(.seconds(60))) == nil ? 0 : 1
    },
    // HELPER COUNT CAPACITY: all threads of the pool compute while another process sends so many numbers.
    "signal-order": { arguments in
        let (count, capacity) = (Int32(arguments[1]) ?? 0, Int(arguments[2]) ?? 1)
        let progress = Progress()
        return try await withThrowingTaskGroup(of: Int32.self) { group in
            for number: Int32 in 0..<8 {
                group.addTask {
                    var sum = number
                    while !progress.isOver.load(ordering: .relaxed) { sum = (sum &* 31 &+ 7) & 0xFFFF }
                    return sum
                }
            }
            return try await withIPCExecutor {
                // Here, for behind this nothing has a thread before they end.
                defer { progress.isOver.store(true, ordering: .relaxed) }
                return try await collect(count, from: arguments[0], capacity)
            }
        }
    },
    // Expects the numbers from 0 on, and the end.
    "signal-receive": { _ in
        let channel = try accepted()
        var expected: Int32 = 0
        while let number = try await channel.receive(until: .after(.seconds(60))) {
            try require(number == expected, "\(number) instead of \(expected)")
            expected += 1
        }
        try await channel.finish(until: .after(.seconds(60)))
        say("\(expected)")
        return 0
    },
    // Sends back what comes, and finishes with the other end.
    "signal-echo": { _ in
        let channel = try accepted()
        while let number = try await channel.receive(until: .after(.seconds(60))) {
            try await channel.send(number, until: .after(.seconds(60)))
        }
        try await channel.finish(until: .after(.seconds(60)))
        return 0
    },
    // Sends back what comes, until that is negative, and dies.
    "signal-echo-and-die": { _ in
        let channel = try accepted()
        while let number = try await channel.receive(until: .after(.seconds(60))), number >= 0 {
            try await channel.send(number, until: .after(.seconds(60)))
        }
        try Signals.send(.kill, to: .currentProcess)
        return 1
    },
    // HELPER, as an ordinary user with few signals to queue: what the sender is told.
    "signal-limit": { arguments in
        try require(geteuid() != 0, "root passes the limit")
        let limit = Int(SignalSending.queueLimit)
        try require(limit < 100, "the limit is \(limit)")
        let channel = try SignalChannel(on: .realTimeSignals[0], capacity: 256)
        let child = try await ChildProcess.spawn(
            .path(arguments[0]), arguments: ["signal-receive"], transferring: [channel.invitation])
        try await channel.waitUntilOpen(until: .after(.seconds(60)))
        try child.send(.stop)
        // Until it has stopped, it makes room.
        while !String(decoding: try TestingCalls.contents(of: "/proc/\(child.processID)/status"), as: UTF8.self)
            .contains("T (stopped)")
        {
            try await Task.sleep(for: .milliseconds(1))
        }
        var next: Int32 = 0
        var refusal: IPCError?
        do throws(IPCError) {
            while next < 256, try channel.trySend(next) { next += 1 }
        } catch {
            refusal = error
        }
        try require(
            refusal?.code == .resourceExhausted
                && refusal?.message.contains("RLIMIT_SIGPENDING (here \(limit))") == true,
            "\(next) were sent, then \(refusal.map { "\($0)" } ?? "no room")")
        try require(next > 0 && next <= Int32(limit), "\(next) went out with a limit of \(limit)")
        try await expectLimit("a channel") { try await channel.send(next, until: .after(.milliseconds(50))) }
        try await expectLimit("a process") {
            try Signals.send(.realTimeSignals[0], value: 1, to: .process(child.processID))
        }
        try await expectLimit("a child") { try child.send(.realTimeSignals[0], value: 1) }
        // It waits, and goes on as soon as there is room.
        let rest = Task { [next] in
            for number in next..<2000 { try await channel.send(number, until: .after(.seconds(60))) }
            try await channel.finish(until: .after(.seconds(60)))
        }
        try await Task.sleep(for: .milliseconds(20))
        try child.send(.continue)
        try await rest.value
        try require(try await channel.receive(until: .after(.seconds(60))) == nil, "the end")
        try require(try await child.exitStatus().isSuccess, "the receiver failed")
        return 0
    },
]

private func accepted() throws -> SignalChannel {
    try SignalChannel(accepting: try InheritedEndpoints.take(0, as: SignalInvitation.self))
}

private func expectLimit(_ what: String, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as IPCError {
        return try require(
            error.code == .resourceExhausted && error.message.contains("RLIMIT_SIGPENDING"), "\(what): \(error)")
    }
    throw Wrong("\(what): sent beyond the limit")
}

private func collect(_ count: Int32, from helper: String, _ capacity: Int) async throws -> Int32 {
    let channel = try SignalChannel(on: .realTimeSignals[1], capacity: capacity)
    let sender = try await ChildProcess.spawn(
        .path(helper), arguments: ["signal-send", "\(count)"], transferring: [channel.invitation])
    for expected in 0..<count {
        let number = try await channel.receive(until: .after(.seconds(60)))
        try require(number == expected, "\(number.map { "\($0)" } ?? "the end") instead of \(expected)")
    }
    try require(try await channel.receive(until: .after(.seconds(60))) == nil, "no end")
    try require(channel.peerProcessID == sender.processID, "another peer")
    try await channel.finish(until: .after(.seconds(60)))
    try require(try await sender.exitStatus(until: .after(.seconds(60))) == .exited(0), "the sender failed")
    return 0
}
