import CBaselines

/// What round trips on one channel do outside it: the message that goes out, the check of what comes back, the times.
///
/// The same steps as the baseline takes, so that a ratio compares the channels alone.
struct Trips: Sendable {
    /// The message to send next.
    private(set) var outgoing: [UInt8]
    private(set) var log: TimeLog
    private var sequence: UInt64 = 0

    /// Trips of `bytes` bytes, of which at most `timeCapacity` times are kept.
    init(bytes: Int, window: TimeWindow, timeCapacity: Int = cbase_sample_capacity) {
        outgoing = [UInt8](repeating: 0, count: bytes)
        log = TimeLog(window, capacity: timeCapacity)
        unsafe outgoing.withUnsafeMutableBytes { unsafe cbase_message_fill($0.baseAddress!, bytes, 0) }
    }

    /// Whether another trip is due.
    var goesOn: Bool { log.goesOn }

    /// Makes the outgoing message the next one.
    mutating func start() {
        let (bytes, sequence) = (outgoing.count, sequence)
        unsafe outgoing.withUnsafeMutableBytes { unsafe cbase_message_stamp($0.baseAddress!, bytes, sequence) }
        log.report.sent += 1
        log.start()
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
        log.report.received += 1
        sequence += 1
        log.end()
    }

    /// Notes what went wrong.
    mutating func note(_ failure: String) {
        log.note(failure)
    }
}
