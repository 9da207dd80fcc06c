import CBaselines

/// What round trips on one channel do outside it: the message that goes out, the check of what comes back, the times.
///
/// The same steps as the baseline takes, so that a ratio compares the channels alone.
struct Trips: Sendable {
    /// The message to send next.
    private(set) var outgoing: [UInt8]
    private var report = cbase_report()
    /// Room for the times, touched before measuring starts.
    private var times: [UInt32]
    private var timeCount = 0
    private var sequence: UInt64 = 0
    private var before: UInt64 = 0
    private let window: TripWindow

    /// Trips of `bytes` bytes, of which at most `timeCapacity` times are kept.
    init(bytes: Int, window: TripWindow, timeCapacity: Int = cbase_sample_capacity) {
        outgoing = [UInt8](repeating: 0, count: bytes)
        times = [UInt32](repeating: .max, count: timeCapacity)
        self.window = window
        unsafe outgoing.withUnsafeMutableBytes { unsafe cbase_message_fill($0.baseAddress!, bytes, 0) }
    }

    /// How many messages came back as they went out.
    var count: UInt64 { report.received }

    /// Whether another trip is due: until the window closes or something has failed.
    var goesOn: Bool { report.failure == 0 && before < window.end }

    /// Makes the outgoing message the next one.
    mutating func start() {
        let (bytes, sequence) = (outgoing.count, sequence)
        unsafe outgoing.withUnsafeMutableBytes { unsafe cbase_message_stamp($0.baseAddress!, bytes, sequence) }
        report.sent += 1
        if before == 0 { before = cbase_now() }
    }

    /// Whether `message` is the one that went out.
    func isExpected(_ message: RawSpan) -> Bool {
        guard message.byteCount == outgoing.count else { return false }
        return unsafe message.withUnsafeBytes { unsafe cbase_message_is($0.baseAddress!, $0.count, sequence) }
    }

    /// Ends a trip; `isIntact` is what `isExpected` said of the reply, nil if the other side had finished instead.
    mutating func end(_ isIntact: Bool?) {
        guard isIntact == true else {
            return note(isIntact == nil ? "the other side finished early" : "the bytes that came back are others")
        }
        report.received += 1
        sequence += 1
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

    /// One report of all the trips of a process.
    static func report(of all: [Trips], in window: TripWindow) -> cbase_report {
        var report = cbase_report()
        var times: [UInt32] = []
        for trips in all {
            report.sent += trips.report.sent
            report.received += trips.report.received
            report.measured += trips.report.measured
            if trips.report.failure != 0, report.failure == 0 {
                report.failure = trips.report.failure
                report.detail = trips.report.detail
            }
            times += trips.times[..<trips.timeCount]
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
