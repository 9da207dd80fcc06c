import CBaselines

/// What one run of one side of a ratio gave.
struct Outcome {
    /// Nanoseconds for one operation, seen by the initiator; nil where single operations are not timed.
    var p50: Double?
    var p99: Double?
    /// Operations in a second; nil where they are not what is measured.
    var rate: Double?
    /// What rows without a time count.
    var figure: Double?

    /// Joins what the processes of a run reported, the initiator first.
    init(job: Job, initiator: cbase_report, peers: [cbase_report]) throws(BenchmarkFailure) {
        for report in [initiator] + peers where report.failure != 0 {
            let detail = unsafe withUnsafePointer(to: report) { unsafe String(cString: cbase_report_detail($0)) }
            throw BenchmarkFailure(detail)
        }
        let sent = initiator.sent + peers.reduce(0) { $0 + $1.sent }
        let received = initiator.received + peers.reduce(0) { $0 + $1.received }
        guard sent == received else {
            throw BenchmarkFailure("\(sent) messages were sent, \(received) arrived")
        }
        guard initiator.measured > 0 else { throw BenchmarkFailure("nothing was measured") }
        switch job.work {
        case .idleResident, .idleProcessorTime, .allocationsInPlace, .allocationsArray, .allocationsBatch:
            figure = initiator.figure
        case .stream, .batch:
            guard let receiver = peers.first, receiver.received == initiator.sent else {
                throw BenchmarkFailure("\(initiator.sent) messages were sent, not all arrived")
            }
            rate = try Self.rate(receiver.measured, from: initiator.started_ns, to: receiver.ended_ns)
        case .board, .lock, .lockTask, .lockValue, .lockFutex, .lockContended, .handover, .semaphore, .semaphoreTurn,
            .readLock:
            rate = try Self.rate(initiator.measured, from: initiator.started_ns, to: initiator.ended_ns)
        case .broadcast, .broadcastEach:
            // When the last reader has the last message.
            guard let end = peers.map(\.ended_ns).max(), peers.allSatisfy({ $0.received == initiator.measured }) else {
                throw BenchmarkFailure("not every reader received every message")
            }
            rate = try Self.rate(initiator.measured, from: initiator.started_ns, to: end)
        case .queueStream, .queueBatch:
            // When the last receiver has the last message.
            let end = peers.map(\.ended_ns).max() ?? 0
            rate = try Self.rate(initiator.measured, from: initiator.started_ns, to: end)
        case .pool:
            // Several tasks are on their way to a worker: the time between two results is not that of a task.
            rate = try Self.rate(initiator.measured, from: initiator.started_ns, to: initiator.ended_ns)
        case .roundTrip, .loan, .channels, .hog, .passDescriptor, .accept, .spawn, .regionCreation, .regionPassing,
            .queue,
            .blockingQueue, .call, .actor:
            p50 = initiator.p50_ns == 0 ? nil : Double(initiator.p50_ns)
            p99 = initiator.p99_ns == 0 ? nil : Double(initiator.p99_ns)
            rate = try Self.rate(initiator.measured, from: initiator.started_ns, to: initiator.ended_ns)
        }
    }

    private static func rate(_ count: UInt64, from start: UInt64, to end: UInt64) throws(BenchmarkFailure) -> Double {
        guard end > start else { throw BenchmarkFailure("the clock did not move") }
        return Double(count) * 1e9 / Double(end - start)
    }
}
