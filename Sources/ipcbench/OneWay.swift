import CBaselines

/// How batches are made.
enum Batch {
    /// Messages in one send.
    static let messageCount = 256
}

/// Messages to send one way, one or a batch of them side by side, until a time is over.
struct MessageSource {
    /// The messages of the next send.
    private(set) var messages: [UInt8]
    private let bytes: Int
    private let count: Int
    /// How often the clock is asked, as in the baseline.
    private let clockInterval: UInt64
    /// How many messages were stamped so far.
    private(set) var sent: UInt64 = 0
    private let start: UInt64
    private let end: UInt64

    /// `count` messages of `bytes` bytes at a time.
    init(bytes: Int, count: Int, nanoseconds: UInt64) {
        messages = [UInt8](repeating: 0, count: bytes * count)
        unsafe messages.withUnsafeMutableBytes { buffer in
            for index in 0..<count {
                unsafe cbase_message_fill(buffer.baseAddress! + index * bytes, bytes, UInt64(index))
            }
        }
        self.bytes = bytes
        self.count = count
        clockInterval = bytes <= 1_024 ? 64 : 1
        start = cbase_now()
        end = start + nanoseconds
    }

    /// Whether another send is due.
    var goesOn: Bool { sent % clockInterval != 0 || cbase_now() < end }

    /// Numbers the messages of the next send.
    mutating func stamp() {
        let (bytes, first) = (bytes, sent)
        unsafe messages.withUnsafeMutableBytes { buffer in
            for index in 0..<count {
                unsafe cbase_message_stamp(buffer.baseAddress! + index * bytes, bytes, first + UInt64(index))
            }
        }
        sent += UInt64(count)
    }

    /// Gives the first message of the next send a number out of turn, which does not count as sent.
    mutating func stamp(outOfTurn sequence: UInt64) {
        let bytes = bytes
        unsafe messages.withUnsafeMutableBytes { unsafe cbase_message_stamp($0.baseAddress!, bytes, sequence) }
    }

    /// Writes what was sent to `report`.
    func conclude(_ report: inout cbase_report) {
        report.sent = sent
        report.measured = sent
        report.started_ns = start
        report.ended_ns = cbase_now()
    }
}

/// What arrives one way: counts the messages that are the next ones.
struct MessageSink {
    private let bytes: Int
    private(set) var received: UInt64 = 0
    private(set) var isIntact = true

    init(bytes: Int) {
        self.bytes = bytes
    }

    /// Checks the next message.
    mutating func take(_ message: RawSpan) {
        guard message.byteCount == bytes,
            unsafe message.withUnsafeBytes({ unsafe cbase_message_is($0.baseAddress!, $0.count, received) })
        else {
            isIntact = false
            return
        }
        received += 1
    }

    /// Notes that the other side finished where it should not have.
    mutating func noteEnd() {
        isIntact = false
    }

    /// Writes what arrived to `report`.
    func conclude(_ report: inout cbase_report) {
        report.received = received
        report.measured = received
        report.ended_ns = cbase_now()
        if !isIntact { unsafe cbase_report_fail(&report, "the bytes that arrived are others", 0) }
    }
}

/// What an echo keeps between receiving and sending it.
struct MessageCopy {
    private(set) var bytes: [UInt8] = []

    /// Room for `capacity` bytes.
    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// Adds the bytes of `span`.
    mutating func take(_ span: RawSpan) {
        unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Forgets the bytes and keeps the room.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }
}
