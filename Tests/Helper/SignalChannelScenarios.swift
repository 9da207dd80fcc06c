import Glibc
import IPCProcess
import IPCSignals
import IPCSystem

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
        var next: Int32 = 0
        var refusal: IPCError?
        do throws(IPCError) {
            while next < 256, try channel.trySend(next) { next += 1 }
        } catch {
            refusal = error
        }
        try require(
            refusal?.code == .resourceExhausted && refusal?.message.contains("RLIMIT_SIGPENDING (here \(limit))") == true,
            "\(next) were sent, then \(refusal.map { "\($0)" } ?? "no room")")
        try require(next > 0 && next <= Int32(limit), "\(next) went out with a limit of \(limit)")
        do throws(IPCError) {
            try await channel.send(next, until: .after(.milliseconds(50)))
            throw Wrong("sent beyond the limit")
        } catch let error as IPCError {
            try require(error.code == .resourceExhausted, "\(error)")
        }
        do throws(IPCError) {
            try Signals.send(.realTimeSignals[0], value: 1, to: .process(child.processID))
            throw Wrong("queued beyond the limit")
        } catch let error as IPCError {
            try require(error.code == .resourceExhausted, "\(error)")
        }
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
