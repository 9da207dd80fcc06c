import CBaselines

/// The times of one operation after the other: round trips, connections, children.
struct TimeLog: Sendable {
    /// What was counted; those who keep a log count in it what they send and receive.
    var report = cbase_report()
    /// Room for the times, touched before measuring starts.
    private var times: [UInt32]
    private var timeCount = 0
    private var before: UInt64 = 0
    private let window: TimeWindow

    /// A log of what happens in `window`, of which at most `capacity` times are kept.
    init(_ window: TimeWindow, capacity: Int = cbase_sample_capacity) {
        times = [UInt32](repeating: .max, count: capacity)
        self.window = window
    }

    /// Whether another operation is due: until the window closes or something has failed.
    var goesOn: Bool { report.failure == 0 && before < window.end }

    /// Begins an operation; the end of the last one is its beginning if there was one.
    mutating func start() {
        if before == 0 { before = cbase_now() }
    }

    /// Ends an operation and keeps its time.
    mutating func end() {
        let now = cbase_now()
        if window.counts(now) {
            if timeCount < times.count {
                times[timeCount] = UInt32(clamping: now - before)
                timeCount += 1
            }
            report.measured += 1
        }
        before = now
    }

    /// Notes what went wrong.
    mutating func note(_ failure: String) {
        unsafe cbase_report_fail(&report, failure, 0)
    }

    /// One report of all the logs of a process.
    static func report(of logs: [TimeLog], in window: TimeWindow) -> cbase_report {
        var report = cbase_report()
        var times: [UInt32] = []
        for log in logs {
            report.add(log.report)
            times += log.times[..<log.timeCount]
        }
        times.sort()
        if !times.isEmpty {
            report.p50_ns = UInt64(times[times.count / 2])
            report.p99_ns = UInt64(times[times.count * 99 / 100])
        }
        report.started_ns = window.start
        report.ended_ns = window.end
        return report
    }
}

extension cbase_report {
    /// Adds what another part of the process counted, and its failure if this one has none.
    mutating func add(_ other: cbase_report) {
        sent += other.sent
        received += other.received
        measured += other.measured
        if failure == 0, other.failure != 0 {
            failure = other.failure
            detail = other.detail
        }
    }
}
