import CBaselines
import IPCMessageQueue

/// Messages through one mailbox, one by one: two tasks of the initiator send; of two peers each receives some, or all of them.
struct MailboxWork {
    let assignment: ProcessAssignment

    private var name: String { BoardWork.name(assignment) }
    private var isBroadcast: Bool { assignment.job.work == .queueBroadcast }

    /// Does this side's work.
    func perform() async -> cbase_report {
        var report = cbase_report()
        do throws(IPCError) {
            if assignment.side == .initiator { try await send(&report) } else { try await receive(&report) }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    private func send(_ report: inout cbase_report) async throws(IPCError) {
        let options = MailboxOptions(
            delivery: isBroadcast ? .broadcast : .workSharing, capacity: .bounded(messages: 1024),
            maximumMessageSize: 1024)
        let mailbox = try await Mailbox(named: name, .create, options: options)
        let receivers = assignment.job.channels
        let limit = cbase_now() + 5_000_000_000
        while isBroadcast, try mailbox.receiverCount < receivers, cbase_now() < limit { await Task.yield() }
        report.started_ns = cbase_now()
        async let first = sendHalf(mailbox)
        async let second = sendHalf(mailbox)
        let outcomes = await [first, second]
        for outcome in outcomes { report.measured += try outcome.get() }
        report.sent = isBroadcast ? report.measured * UInt64(receivers) : report.measured
        report.ended_ns = cbase_now()
        for _ in 0..<(isBroadcast ? 1 : receivers) { try await mailbox.send(QueueMessage(payload: [])) }
        // Who receives has it open when nothing is left.
        let end = cbase_now() + 10_000_000_000
        while try isBroadcast ? mailbox.receiverCount > 0 : mailbox.depth > 0, cbase_now() < end { await Task.yield() }
        try Mailbox.remove(named: name)
    }

    private func sendHalf(_ mailbox: Mailbox) async -> Result<UInt64, IPCError> {
        var source = MessageSource(bytes: assignment.job.bytes, count: 1, nanoseconds: assignment.nanoseconds)
        do throws(IPCError) {
            while source.goesOn {
                source.stamp()
                try await unsafe mailbox.send(source.messages.span.bytes, until: .never)
            }
            return .success(source.sent)
        } catch {
            return .failure(error)
        }
    }

    private func receive(_ report: inout cbase_report) async throws(IPCError) {
        let mailbox = try await opened()
        if isBroadcast { try await mailbox.join(from: .onlyNew) }
        var (count, isIntact, isOver) = (UInt64(0), true, false)
        let bytes = assignment.job.bytes
        while !isOver, isIntact {
            do {
                _ = try await mailbox.receive(until: .never) { (message: RawSpan) throws(Never) in
                    if message.byteCount == 0 {
                        isOver = true
                    } else if message.byteCount == bytes,
                        unsafe message.withUnsafeBytes({
                            unsafe cbase_message_is($0.baseAddress!, $0.count, cbase_message_sequence($0.baseAddress!))
                        })
                    {
                        count += 1
                    } else {
                        isIntact = false
                    }
                }
            } catch {
                switch error {
                case .channel(let error): throw error
                }
            }
        }
        report.received = count
        report.measured = count
        report.ended_ns = cbase_now()
        mailbox.leave()
        if !isIntact { unsafe cbase_report_fail(&report, "the bytes that arrived are others", 0) }
    }

    private func opened() async throws(IPCError) -> Mailbox {
        let end = cbase_now() + 5_000_000_000
        while true {
            do throws(IPCError) {
                return try await Mailbox(named: name, .open)
            } catch {
                guard error.code == .notFound, cbase_now() < end else { throw error }
            }
            await Task.yield()
        }
    }
}
