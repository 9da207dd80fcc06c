import CBaselines

/// Heap allocations of messages that go there and back, on the loops that the other rows time.
struct Allocations {
    /// How long to warm up, and how long to count.
    static let phase: UInt64 = 50_000_000

    let form: Job.Work
    let bytes: Int

    /// The allocations of one message, by the loops of the channel's work: `trips` makes round trips, `batches` those of
    /// batches.
    func count(
        trips: (inout Trips) async -> Void, batches: (inout MessageSource, inout cbase_report) async -> Void
    ) async -> cbase_report {
        form == .allocationsBatch ? await count(batches) : await count(trips)
    }

    private func count(_ makeTrips: (inout Trips) async -> Void) async -> cbase_report {
        let (warmUp, counted) = (window(), window())
        var first = Trips(bytes: bytes, window: warmUp)
        var second = Trips(bytes: bytes, window: counted)
        await makeTrips(&first)
        cbase_allocations_start()
        await makeTrips(&second)
        let calls = cbase_allocations_stop()
        var report = TimeLog.report(of: [first.log, second.log], in: counted)
        conclude(&report, calls: calls, messages: second.log.report.received)
        return report
    }

    private func count(_ makeBatches: (inout MessageSource, inout cbase_report) async -> Void) async -> cbase_report {
        var (first, second) = (cbase_report(), cbase_report())
        var source = MessageSource(bytes: bytes, count: Batch.messageCount, nanoseconds: Self.phase)
        await makeBatches(&source, &first)
        guard first.failure == 0 else { return first }
        source = MessageSource(bytes: bytes, count: Batch.messageCount, nanoseconds: Self.phase)
        cbase_allocations_start()
        await makeBatches(&source, &second)
        let calls = cbase_allocations_stop()
        conclude(&second, calls: calls, messages: second.sent)
        second.sent += first.sent
        second.received += first.received
        return second
    }

    private func window() -> TimeWindow {
        TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: Self.phase)
    }

    private func conclude(_ report: inout cbase_report, calls: UInt64, messages: UInt64) {
        guard cbase_allocations_are_counted() else {
            unsafe cbase_report_fail(&report, "a sanitizer brings its own allocator: nothing is counted", 0)
            return
        }
        report.figure = messages == 0 ? .nan : Double(calls) / Double(messages)
    }
}
