import CBaselines
import IPCCore
import IPCSharedMemory
import IPCSockets

/// Regions that are made, mapped, touched and given back.
struct RegionCreation {
    let assignment: ProcessAssignment

    /// Makes regions until the time is over.
    func perform() async -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var log = TimeLog(window)
        do {
            while log.goesOn {
                log.start()
                try makeOne()
                log.end()
            }
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    private func makeOne() throws(IPCError) {
        let region = try SharedMemory(byteCount: assignment.job.bytes)
        unsafe region.withUnsafeBytes { memory in
            for offset in stride(from: 0, to: memory.count, by: 4096) { unsafe memory[offset] = 1 }
        }
    }
}

/// What the other process is to see, in a region that is made for it, passed on, mapped and touched there.
struct RegionPassing {
    private let channel: DescriptorChannel
    private let assignment: ProcessAssignment

    /// Work on a socket, which its channel owns from now on.
    init(_ socket: Int32, assignment: ProcessAssignment) throws(IPCError) {
        channel = try openSocketChannel(socket, PassWork.options).descriptorMessages
        self.assignment = assignment
    }

    /// Does this side's work.
    func perform() async -> cbase_report {
        assignment.side == .initiator ? await share() : await look()
    }

    private func share() async -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var log = TimeLog(window)
        let bytes = assignment.job.bytes
        var message = [UInt8](repeating: 0, count: bytes)
        unsafe message.withUnsafeMutableBytes { unsafe cbase_message_fill($0.baseAddress!, bytes, 0) }
        do {
            while log.goesOn {
                log.start()
                unsafe message.withUnsafeMutableBytes {
                    unsafe cbase_message_stamp($0.baseAddress!, bytes, log.report.sent)
                }
                let region = try SharedMemory(byteCount: bytes)
                try region.write(message)
                try await channel.send(SocketMessage(try region.transfer(for: .readOnly)))
                log.report.sent += 1
                guard let reply = try await channel.receive(), reply.payload == [1] else {
                    log.note("the other process saw something else")
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

    private func look() async -> cbase_report {
        var report = cbase_report()
        do {
            while let message = try await channel.receive() {
                let region = try SharedMemory.receive(TransferredDescriptors(message))
                let sequence = report.received
                let isRight = unsafe region.withUnsafeBytes { memory in
                    unsafe cbase_region_touch(memory.baseAddress!, memory.count, sequence)
                }
                guard isRight else {
                    unsafe cbase_report_fail(&report, "the region is not what was shared", 0)
                    return report
                }
                report.received += 1
                try await channel.send(SocketMessage(payload: [1], descriptors: []))
                report.sent += 1
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }
}
