import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSystem

/// What kind of mailbox a region holds: 32 bytes in the middle of its first 64 usable ones, which both kinds leave free.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 32 | 4 | ``MailboxDelivery`` |
/// | 36 | 4 | ``MailboxOverflow`` |
/// | 48 | 8 | messages that were dropped because it was full |
struct MailboxWords: Sendable {
    static let layout = IPCSharedMemory.RegionLayout("swift-ipc.mailbox", version: 1)

    let delivery: MailboxDelivery
    let overflow: MailboxOverflow
    let dropped: SharedWord64

    static func write(_ options: MailboxOptions, to bytes: SharedBytes) {
        bytes.store(options.delivery.rawValue, at: 32)
        bytes.store(options.whenFull.rawValue, at: 36)
    }

    init(reading bytes: SharedBytes, _ object: String) throws(IPCError) {
        guard bytes.contains(0, 64), let delivery = MailboxDelivery(rawValue: bytes.load(32, as: UInt32.self)),
            let overflow = MailboxOverflow(rawValue: bytes.load(36, as: UInt32.self))
        else { throw Self.contradiction(object) }
        self.delivery = delivery
        self.overflow = overflow
        dropped = bytes.word64(48)
    }

    static func contradiction(_ object: String) -> IPCError {
        IPCError(
            .protocolViolation, "open a mailbox: its description contradicts itself; make it anew", object: object)
    }
}

/// What the log of a broadcast is made for: the first 32 usable bytes of its region, written once before anybody can find it.
/// Host byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | bytes of the log |
/// | 8 | 4 | the most messages |
/// | 12 | 4 | the largest message in bytes |
/// | 16 | 4 | seats for receivers |
struct MailLogShape: Sendable, Equatable {
    /// Bytes of a record before its contents.
    static let headByteCount = 48
    static let seatByteCount = 32
    static let seatsOffset = 384
    private static let largestLog = 1 << 40

    let capacity: Int
    let messageLimit: Int
    let maximumMessageSize: Int
    let seatCount: Int

    var logOffset: Int { Self.seatsOffset + (seatCount * Self.seatByteCount + 63) & ~63 }
    var byteCount: Int { logOffset + capacity }
    /// The most records that the log can hold.
    var recordLimit: Int { max(1, capacity / Self.headByteCount) }

    /// What a message of `count` bytes takes of the log.
    static func recordSize(_ count: Int) -> Int { headByteCount + (count + 7) & ~7 }

    init(_ options: MailboxOptions) throws(IPCError) {
        func refuse(_ what: String) -> IPCError { IPCError(.invalidArgument, "make a mailbox: \(what)") }
        guard case .bounded(let messages, let byteCount) = options.capacity, messages > 0, messages <= 1 << 30 else {
            throw refuse("a broadcast is bounded, by 1 to 2^30 messages")
        }
        guard (0...Int(Int32.max)).contains(options.maximumMessageSize) else {
            throw refuse("maximumMessageSize is 0 to 2 GiB")
        }
        guard (1...ParticipantLayout.maximumSlotCount).contains(options.maximumProcesses),
            (1...4096).contains(options.maximumReceivers), options.memory.access == .readWrite
        else {
            throw refuse(
                "it is for 1 to \(ParticipantLayout.maximumSlotCount) processes, and 1 to 4096 receivers, that read and "
                    + "write")
        }
        let largest = Self.recordSize(options.maximumMessageSize)
        let all = largest.multipliedReportingOverflow(by: messages)
        let usual = all.overflow ? Int.max : min(all.partialValue, max(largest, 64 << 20))
        capacity = (byteCount ?? usual) & ~7
        guard (largest...Self.largestLog).contains(capacity) else {
            throw refuse("its memory must hold at least one message of the largest size, \(largest) bytes of memory")
        }
        messageLimit = messages
        maximumMessageSize = options.maximumMessageSize
        seatCount = options.maximumReceivers
    }

    /// In what it differs from another one, in words; nil when in nothing.
    func difference(from wanted: MailLogShape) -> String? {
        if maximumMessageSize != wanted.maximumMessageSize {
            return "its messages have up to \(maximumMessageSize) bytes, not \(wanted.maximumMessageSize)"
        }
        if messageLimit != wanted.messageLimit {
            return "it holds \(messageLimit) messages, not \(wanted.messageLimit)"
        }
        if capacity != wanted.capacity { return "its messages take up to \(capacity) bytes, not \(wanted.capacity)" }
        if seatCount != wanted.seatCount { return "it is for \(seatCount) receivers, not \(wanted.seatCount)" }
        return nil
    }

    func write(to bytes: SharedBytes) {
        bytes.store(UInt64(capacity), at: 0)
        bytes.store(UInt32(messageLimit), at: 8)
        bytes.store(UInt32(maximumMessageSize), at: 12)
        bytes.store(UInt32(seatCount), at: 16)
    }

    /// Reads what a found one was made for: each word once, checked against the size of the region.
    init(reading bytes: SharedBytes, _ object: String) throws(IPCError) {
        guard bytes.contains(0, Self.seatsOffset) else { throw MailboxWords.contradiction(object) }
        capacity = Int(clamping: bytes.load(0, as: UInt64.self))
        messageLimit = Int(bytes.load(8, as: UInt32.self))
        maximumMessageSize = Int(bytes.load(12, as: UInt32.self))
        seatCount = Int(bytes.load(16, as: UInt32.self))
        guard capacity % 8 == 0, capacity <= Self.largestLog, messageLimit > 0, (1...4096).contains(seatCount),
            maximumMessageSize <= Int(Int32.max), Self.recordSize(maximumMessageSize) <= capacity,
            byteCount <= bytes.byteCount
        else { throw MailboxWords.contradiction(object) }
    }
}
