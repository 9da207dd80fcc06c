import CBaselines
import IPCCore
import IPCSockets

/// The server of connections that bring one message each.
struct AcceptServer {
    /// The sequence number of the message that ends it, as in the baseline.
    static let lastSequence = UInt64.max

    let listener: SocketListener
    let bytes: Int

    init(assignment: ProcessAssignment) throws(IPCError) {
        listener = try SocketListener(at: try .unix(path: assignment.path))
        bytes = assignment.job.bytes
    }

    /// Accepts until the last message; a connection is closed as soon as its message has been checked.
    func perform() async -> cbase_report {
        var sink = MessageSink(bytes: bytes)
        var report = cbase_report()
        do {
            var isOver = false
            while !isOver, sink.isIntact, let connection = try await listener.accept() {
                let channel = try connection.channel()
                let last = try await channel.receive { message in
                    if Self.isLast(message) { return true }
                    sink.take(message)
                    return false
                }
                channel.close()
                isOver = last ?? true
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        listener.close()
        sink.conclude(&report)
        return report
    }

    private static func isLast(_ message: RawSpan) -> Bool {
        guard message.byteCount >= cbase_smallest_message else { return false }
        return unsafe message.withUnsafeBytes { unsafe cbase_message_sequence($0.baseAddress!) } == lastSequence
    }
}

/// The client: connects, sends one message, and waits until the server has closed.
struct AcceptClient {
    let address: SocketAddress
    let assignment: ProcessAssignment

    init(assignment: ProcessAssignment) throws(IPCError) {
        address = try .unix(path: assignment.path)
        self.assignment = assignment
    }

    /// Visits the server until the time is over, and then ends it.
    func perform() async -> cbase_report {
        let window = TimeWindow(warmUp: 1, nanoseconds: assignment.nanoseconds)
        var source = MessageSource(bytes: assignment.job.bytes, count: 1, nanoseconds: assignment.nanoseconds)
        var log = TimeLog(window)
        do {
            while log.goesOn {
                log.start()
                source.stamp()
                try await visit(source.messages)
                log.report.sent += 1
                log.end()
            }
            source.stamp(outOfTurn: AcceptServer.lastSequence)
            try await visit(source.messages)
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    private func visit(_ message: [UInt8]) async throws {
        let channel = try await SocketConnection.connect(to: address).channel()
        try await channel.send(unsafe message.span.bytes)
        let reply: Int?
        do throws(IPCError) {
            reply = try await channel.receive { $0.byteCount }
        } catch {
            guard error.code == .peerClosed else { throw error }
            reply = nil
        }
        channel.close()
        if reply != nil { throw BenchmarkFailure("the server answered") }
    }
}
