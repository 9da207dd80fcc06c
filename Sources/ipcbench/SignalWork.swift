import CBaselines
import IPCSignals
import IPCSockets

/// Numbers over real-time signals, there and back or one way. The two processes meet over a socket.
struct SignalWork {
    /// By which the invitation goes over.
    let socket: SocketChannel
    let assignment: ProcessAssignment

    /// Does this side's work.
    func perform() async -> cbase_report {
        var report = cbase_report()
        do {
            let channel = try await meet()
            defer { channel.close() }
            switch (assignment.job.work, assignment.side) {
            case (.stream, .initiator): try await send(channel, &report)
            case (.stream, .peer): try await receive(channel, &report)
            case (_, .initiator): report = await roundTrips(channel)
            case (_, .peer): try await echo(channel, &report)
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    private func meet() async throws(IPCError) -> SignalChannel {
        let limit = Deadline.after(.seconds(10))
        guard assignment.side == .initiator else {
            let text = try await socket.receive(until: limit).map { String(decoding: $0, as: UTF8.self) }
            guard let text, let invitation = SignalInvitation(text) else {
                throw IPCError(.handshakeFailed, "no invitation came")
            }
            return try SignalChannel(accepting: invitation)
        }
        let channel = try SignalChannel(on: .realTimeSignals[3])
        try await socket.send(Array(channel.invitation.description.utf8), until: limit)
        try await channel.waitUntilOpen(until: limit)
        return channel
    }

    private func roundTrips(_ channel: SignalChannel) async -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var log = TimeLog(window)
        var number: Int32 = 0
        do {
            while log.goesOn {
                log.start()
                try await channel.send(number)
                log.report.sent += 1
                guard try await channel.receive() == number else {
                    log.note("another number came back")
                    break
                }
                log.report.received += 1
                number += 1
                log.end()
            }
            try await channel.finish()
            _ = try await channel.receive()
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    private func echo(_ channel: SignalChannel, _ report: inout cbase_report) async throws(IPCError) {
        while let number = try await channel.receive() {
            report.received += 1
            try await channel.send(number)
            report.sent += 1
        }
        try await channel.finish()
    }

    private func send(_ channel: SignalChannel, _ report: inout cbase_report) async throws(IPCError) {
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        var number: Int32 = 0
        while number % 64 != 0 || cbase_now() < end {
            try await channel.send(number)
            number += 1
        }
        report.sent = UInt64(number)
        report.measured = UInt64(number)
        try await channel.finish()
        // Until the other side has seen the end.
        _ = try await channel.receive()
    }

    private func receive(_ channel: SignalChannel, _ report: inout cbase_report) async throws(IPCError) {
        while let number = try await channel.receive() {
            guard UInt64(number) == report.received else {
                throw IPCError(.protocolViolation, "\(number) instead of \(report.received)")
            }
            report.received += 1
        }
        report.measured = report.received
        report.ended_ns = cbase_now()
        try await channel.finish()
    }
}
