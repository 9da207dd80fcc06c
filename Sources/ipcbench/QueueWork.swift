import CBaselines
import IPCMessageQueue
import IPCSystem

/// Round trips over two queues of the kernel, by a task or on a thread that blocks.
struct QueueWork {
    let assignment: ProcessAssignment

    private var makes: Bool { assignment.side == .initiator }

    /// By what the processes of one measurement find each other.
    static func name(_ assignment: ProcessAssignment) -> String { "/" + BoardWork.name(assignment) }

    /// The key of the first queue; the second has the next one.
    static func number(_ assignment: ProcessAssignment) -> Int32 {
        assignment.parent &* 8 &+ (assignment.job.by == .c ? 4 : 0) &+ (assignment.job.work == .blockingQueue ? 2 : 0)
            | 0x4000_0000
    }

    /// Does this side's work.
    func perform() async -> cbase_report {
        do throws(IPCError) {
            return assignment.job.transport == .posixQueue ? try await overPOSIXQueues() : try await overSystemVQueues()
        } catch {
            return failure("\(error)")
        }
    }

    private func failure(_ text: String) -> cbase_report {
        var report = cbase_report()
        unsafe cbase_report_fail(&report, text, 0)
        return report
    }

    private func overPOSIXQueues() async throws(IPCError) -> cbase_report {
        func open(_ suffix: String) async throws(IPCError) -> POSIXMessageQueue {
            let name = Self.name(assignment) + suffix
            return try await opened { () throws(IPCError) in try POSIXMessageQueue(named: name, makes ? .create : .open)
            }
        }
        let there = try await open("-there")
        let back = try await open("-back")
        let report = await run(there, back)
        if makes {
            try POSIXMessageQueue.remove(named: there.name)
            try POSIXMessageQueue.remove(named: back.name)
        }
        return report
    }

    private func overSystemVQueues() async throws(IPCError) -> cbase_report {
        func open(_ offset: Int32) async throws(IPCError) -> SystemVMessageQueue {
            let key = try SystemVQueueKey(Self.number(assignment) + offset)
            return try await opened { () throws(IPCError) in try SystemVMessageQueue(key, makes ? .create : .open) }
        }
        let there = try await open(0)
        let back = try await open(1)
        let report = await run(there, back)
        if makes {
            try there.remove()
            try back.remove()
        }
        return report
    }

    /// The side that does not make the queues waits until they are there.
    private func opened<Queue>(_ body: () throws(IPCError) -> Queue) async throws(IPCError) -> Queue {
        let end = cbase_now() + 5_000_000_000
        while true {
            do throws(IPCError) {
                return try body()
            } catch {
                guard error.code == .notFound, !makes, cbase_now() < end else { throw error }
            }
            await Task.yield()
        }
    }

    private func run(_ there: POSIXMessageQueue, _ back: POSIXMessageQueue) async -> cbase_report {
        guard assignment.job.work == .queue else { return await block(there, back) }
        return makes ? await makeTrips(there, back) : await echo(there, back)
    }

    private func run(_ there: SystemVMessageQueue, _ back: SystemVMessageQueue) async -> cbase_report {
        guard assignment.job.work == .queue else { return await block(there, back) }
        return makes ? await makeTrips(there, back) : await echo(there, back)
    }

    // MARK: Tasks

    private func makeTrips(_ there: some MessageQueue, _ back: some MessageQueue) async -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var trips = Trips(bytes: assignment.job.bytes, window: window)
        do {
            while trips.goesOn {
                trips.start()
                try await there.send(unsafe trips.outgoing.span.bytes)
                trips.end(try await back.receive { trips.isExpected($0) })
            }
            try await there.send(QueueMessage(payload: []))
            _ = try await back.receive()
        } catch {
            trips.note("\(error)")
        }
        return TimeLog.report(of: [trips.log], in: window)
    }

    private func echo(_ there: some MessageQueue, _ back: some MessageQueue) async -> cbase_report {
        var report = cbase_report()
        var copy = MessageCopy(capacity: assignment.job.bytes)
        do {
            var isOver = false
            while !isOver {
                _ = try await there.receive { copy.take($0) }
                isOver = copy.bytes.isEmpty
                if !isOver { report.received += 1 }
                try await back.send(unsafe copy.bytes.span.bytes)
                if !isOver { report.sent += 1 }
                copy.removeAll()
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    // MARK: Threads

    /// The same on a thread of its own, which may block.
    private func block<Queue: MessageQueue>(_ there: Queue, _ back: Queue) async -> cbase_report {
        unsafe await withUnsafeContinuation { continuation in
            do {
                try SystemThread.start("ipcbench-blocks") {
                    unsafe continuation.resume(
                        returning: makes ? makeTripsBlocking(there, back) : echoBlocking(there, back))
                }
            } catch {
                unsafe continuation.resume(returning: failure("\(error)"))
            }
        }
    }

    private func makeTripsBlocking(_ there: some MessageQueue, _ back: some MessageQueue) -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        var trips = Trips(bytes: assignment.job.bytes, window: window)
        do {
            while trips.goesOn {
                trips.start()
                try there.sendBlocking(unsafe trips.outgoing.span.bytes, labeled: .standard, until: .never)
                trips.end(
                    try back.receiveBlocking(.any, until: .never) {
                        (bytes: RawSpan, _: QueueLabel) throws(Never) -> Bool in trips.isExpected(bytes)
                    })
            }
            try there.sendBlocking(QueueMessage(payload: []))
            _ = try back.receiveBlocking()
        } catch {
            trips.note("\(error)")
        }
        return TimeLog.report(of: [trips.log], in: window)
    }

    private func echoBlocking(_ there: some MessageQueue, _ back: some MessageQueue) -> cbase_report {
        var report = cbase_report()
        var copy = MessageCopy(capacity: assignment.job.bytes)
        do {
            var isOver = false
            while !isOver {
                try there.receiveBlocking(.any, until: .never) {
                    (bytes: RawSpan, _: QueueLabel) throws(Never) in copy.take(bytes)
                }
                isOver = copy.bytes.isEmpty
                if !isOver { report.received += 1 }
                try back.sendBlocking(unsafe copy.bytes.span.bytes, labeled: .standard, until: .never)
                if !isOver { report.sent += 1 }
                copy.removeAll()
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }
}
