import CBaselines
import IPCMessageQueue
import IPCSharedMemory
import IPCSystem

/// Messages through one shared queue: two tasks of the initiator send, each of two peers receives, one by one or in batches.
struct SharedQueueWork {
    /// Messages of one batch.
    private static let batch = 64
    private static let senders = 2

    let assignment: ProcessAssignment

    private var place: SharedMemoryPlace { .named(BoardWork.name(assignment)) }
    private var isBatch: Bool { assignment.job.work == .queueBatch }
    private var isThreads: Bool { assignment.job.work == .queueThreads }

    /// Does this side's work.
    func perform() async -> cbase_report {
        var report = cbase_report()
        do throws(IPCError) {
            if assignment.side == .initiator {
                try await send(&report)
            } else if isThreads {
                report = await onThread { receiveBlocking() }
            } else {
                try await receive(&report)
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    private func send(_ report: inout cbase_report) async throws(IPCError) {
        let options = SharedQueueOptions(capacity: .bounded(messages: 1024), maximumMessageSize: 1024, blockSize: 128)
        let queue = try await SharedQueue(at: place, options: options)
        report.started_ns = cbase_now()
        async let first = isThreads ? onThread { sendHalfBlocking(queue) } : sendHalf(queue)
        async let second = isThreads ? onThread { sendHalfBlocking(queue) } : sendHalf(queue)
        let outcomes = await [first, second]
        for outcome in outcomes { report.sent += try outcome.get() }
        report.measured = report.sent
        report.ended_ns = cbase_now()
        for _ in 0..<assignment.job.channels { try await queue.send(QueueMessage(payload: [])) }
        // Who receives has it open when nothing is left.
        let end = cbase_now() + 10_000_000_000
        while try queue.depth > (isBatch ? 2 : 0), cbase_now() < end { await Task.yield() }
        try SharedQueue.remove(place)
    }

    private func sendHalf(_ queue: SharedQueue) async -> Result<UInt64, IPCError> {
        let count = isBatch ? Self.batch : 1
        var source = MessageSource(bytes: assignment.job.bytes, count: count, nanoseconds: assignment.nanoseconds)
        do {
            while source.goesOn {
                source.stamp()
                if isBatch {
                    try await unsafe queue.send(
                        contentsOf: source.messages.span.bytes, messageSize: assignment.job.bytes, until: .never)
                } else {
                    try await unsafe queue.send(source.messages.span.bytes, until: .never)
                }
            }
            return .success(source.sent)
        } catch let error as BatchError {
            return .failure(error.error)
        } catch {
            return .failure(error as? IPCError ?? IPCError(.systemFailure, "\(error)"))
        }
    }

    private func receive(_ report: inout cbase_report) async throws(IPCError) {
        let queue = try await opened()
        var (count, isIntact, isOver) = (UInt64(0), true, false)
        let bytes = assignment.job.bytes
        func take(_ message: RawSpan) {
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
        while !isOver, isIntact {
            if isBatch {
                // One at a time at the end, so that each receiver finds an end of its own.
                _ = try await queue.receive(.any, upTo: Self.batch, until: .never) { bytes, _ in take(bytes) }
                if isOver { try? await giveBackEnds(queue) }
            } else {
                do {
                    _ = try await queue.receive(until: .never) { (bytes: RawSpan) throws(Never) in take(bytes) }
                } catch {
                    switch error {
                    case .channel(let error): throw error
                    }
                }
            }
        }
        report.received = count
        report.measured = count
        report.ended_ns = cbase_now()
        if !isIntact { unsafe cbase_report_fail(&report, "the bytes that arrived are others", 0) }
    }

    // MARK: Threads

    private func sendHalfBlocking(_ queue: SharedQueue) -> Result<UInt64, IPCError> {
        var source = MessageSource(bytes: assignment.job.bytes, count: 1, nanoseconds: assignment.nanoseconds)
        do throws(IPCError) {
            while source.goesOn {
                source.stamp()
                try unsafe queue.sendBlocking(source.messages.span.bytes, labeled: .standard, until: .never)
            }
            return .success(source.sent)
        } catch {
            return .failure(error)
        }
    }

    private func receiveBlocking() -> cbase_report {
        var report = cbase_report()
        let bytes = assignment.job.bytes
        var (count, isIntact, isOver) = (UInt64(0), true, false)
        do {
            let queue = try openedBlocking()
            while !isOver, isIntact {
                try queue.receiveBlocking(.any, until: .never) { (message: RawSpan, _: QueueLabel) throws(Never) in
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
            }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        report.received = count
        report.measured = count
        report.ended_ns = cbase_now()
        if !isIntact { unsafe cbase_report_fail(&report, "the bytes that arrived are others", 0) }
        return report
    }

    private func openedBlocking() throws(IPCError) -> SharedQueue {
        let end = cbase_now() + 5_000_000_000
        while true {
            do throws(IPCError) {
                return try SharedQueue(blockingAt: place, .open)
            } catch {
                guard error.code == .notFound, cbase_now() < end else { throw error }
            }
            ProcessorHint.yield()
        }
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        unsafe await withUnsafeContinuation { continuation in
            do {
                try SystemThread.start("ipcbench-blocks") { unsafe continuation.resume(returning: body()) }
            } catch {
                fatalError("a thread cannot be started: \(error)")
            }
        }
    }

    /// A batch may have had both ends in it: the other receiver needs one.
    private func giveBackEnds(_ queue: SharedQueue) async throws(IPCError) {
        try await queue.send(QueueMessage(payload: []), until: .now)
    }

    private func opened() async throws(IPCError) -> SharedQueue {
        let end = cbase_now() + 5_000_000_000
        while true {
            do throws(IPCError) {
                return try await SharedQueue(at: place, .open)
            } catch {
                guard error.code == .notFound, cbase_now() < end else { throw error }
            }
            await Task.yield()
        }
    }
}
