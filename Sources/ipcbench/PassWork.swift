import CBaselines
import IPCCore
import IPCSockets

/// A descriptor that goes to the other process and comes back.
struct PassWork {
    /// What a channel of this work takes.
    static let options = SocketOptions(maximumDescriptors: 1)

    private let channel: DescriptorChannel
    private let assignment: ProcessAssignment
    private let payload: [UInt8] = [1]

    /// Work on a socket, which its channel owns from now on.
    init(_ socket: Int32, assignment: ProcessAssignment) throws(IPCError) {
        channel = try openSocketChannel(socket, Self.options).descriptorMessages
        self.assignment = assignment
    }

    /// Does this side's work.
    func perform() async -> cbase_report {
        assignment.side == .initiator ? await pass() : await echo()
    }

    /// Sends on the descriptor that has come back, and compares it with the first one now and then.
    private func pass() async -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var log = TimeLog(window)
        let number = cbase_open_marker()
        defer { cbase_close(number) }
        do {
            var descriptor = try PassedDescriptor(duplicating: number)
            while log.goesOn {
                log.start()
                try await channel.send(SocketMessage(payload: payload, descriptors: [descriptor]))
                log.report.sent += 1
                guard let reply = try await channel.receive(), reply.payload == payload, reply.descriptors.count == 1
                else {
                    log.note("what came back is another message")
                    continue
                }
                descriptor = reply.descriptors[0]
                guard log.report.received % UInt64(cbase_body_check_interval) != 0 || isMarker(descriptor, number)
                else {
                    log.note("the descriptor that came back is another one")
                    continue
                }
                log.report.received += 1
                log.end()
            }
            try await channel.finish()
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    private func echo() async -> cbase_report {
        var report = cbase_report()
        do {
            while let message = try await channel.receive() {
                report.received += 1
                try await channel.send(message)
                report.sent += 1
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    private func isMarker(_ descriptor: PassedDescriptor, _ number: Int32) -> Bool {
        descriptor.borrowedNumber.map { cbase_is_same_file($0, number) } ?? false
    }
}
