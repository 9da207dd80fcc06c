import IPCParticipants
import IPCSystem

/// The memory of a broadcast mailbox as whoever has the lock sees it: a log of records, written round and round, and a seat
/// for each receiver. Offsets in usable bytes; host byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 64 | ``MailLogShape``, ``MailboxWords`` |
/// | 128 | 32 | the lock |
/// | 256 | 8 | head: where the next record begins |
/// | 264 | 8 | tail: where the oldest one begins |
/// | 272 | 8 | the number of the next record |
/// | 320 | 8 | who waits for messages: sequence, count |
/// | 328 | 8 | who waits for room: the same |
/// | 384 | | seats, 32 bytes each: owner (8), position (8), number (8) |
/// | behind them | | the log |
///
/// A position counts all bytes that were ever written; its place in the log is the rest of the division by the log's size,
/// a multiple of 8. A record: size (8), number (8), type (8), return address (24), contents up to a multiple of 8.
///
/// **A message is sent by the store of the head**, after all of its record lies behind the old one; before anything is
/// overwritten, the tail has moved past it by a store. So between which two instructions a process dies does not matter:
///
/// | killed… | then |
/// |---|---|
/// | sending, before the store of the head | what it wrote is behind the head, nothing: for none |
/// | after it | the message is there: for all |
/// | moving the tail, before its own record | one or more of the oldest messages less are kept, as it had decided |
/// | receiving | its seat is nobody's, whatever stands in it |
/// | joining, before the store of the owner | the seat is free |
///
/// The number of the next record is a cache: it is stored after the head, and whoever takes the lock from the dead makes it
/// anew from the last record. Whatever is read here is brought into bounds before use: whoever may write the region can
/// break the mailbox, but trap nobody.
struct MailLog: Sendable {
    let bytes: SharedBytes
    let shape: MailLogShape

    static let lockOffset = 128

    var head: UInt64 {
        get { bytes.word64(256).loadAcquiring() }
        nonmutating set { bytes.word64(256).storeReleasing(newValue) }
    }
    var tail: UInt64 {
        get { bytes.word64(264).loadAcquiring() }
        nonmutating set { bytes.word64(264).storeSequential(newValue) }
    }
    var nextNumber: UInt64 {
        get { bytes.word64(272).loadAcquiring() }
        nonmutating set { bytes.word64(272).storeReleasing(newValue) }
    }

    /// Who waits.
    var lines: WaitLines { WaitLines(bytes.slice(320, 16), count: 2) }

    // MARK: Records

    struct Record {
        let position: UInt64
        let size: Int
        let number: UInt64
        let label: QueueLabel

        var end: UInt64 { position &+ UInt64(MailLogShape.recordSize(size)) }
    }

    private func place(_ position: UInt64) -> Int {
        shape.logOffset + Int(position % UInt64(shape.capacity)) & ~7
    }

    private func word(_ position: UInt64, _ index: UInt64) -> UInt64 {
        bytes.load(place(position &+ index &* 8), as: UInt64.self)
    }

    private func setWord(_ position: UInt64, _ index: UInt64, _ value: UInt64) {
        bytes.store(value, at: place(position &+ index &* 8))
    }

    /// The record that begins at `position`; nil when there is none, or when what lies there is none.
    func record(at position: UInt64) -> Record? {
        let left = head &- position
        guard left >= UInt64(MailLogShape.headByteCount), left <= UInt64(shape.capacity) else { return nil }
        let size = word(position, 0)
        guard size <= UInt64(shape.maximumMessageSize), MailLogShape.recordSize(Int(size)) <= Int(left) else {
            return nil
        }
        var label = QueueLabel(type: Int(truncatingIfNeeded: word(position, 2)))
        label.returnAddress = ReturnAddress(
            place: word(position, 3), owner: word(position, 4), number: word(position, 5))
        return Record(position: position, size: Int(size), number: word(position, 1), label: label)
    }

    /// What a record says.
    func contents(_ record: Record) -> [UInt8] {
        let start = record.position &+ UInt64(MailLogShape.headByteCount)
        let first = piece(start, record.size)
        return unsafe [UInt8](unsafeUninitializedCapacity: record.size) { buffer, count in
            // SAFETY: both pieces lie within the log, and the buffer has room for them.
            let target = UnsafeMutableRawBufferPointer(buffer)
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(bytes.unsafeBuffer(place(start), first)))
            if first < record.size {
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[first...]).copyMemory(
                    from: UnsafeRawBufferPointer(bytes.unsafeBuffer(shape.logOffset, record.size - first)))
            }
            count = record.size
        }
    }

    /// How much of `count` bytes lies before the end of the log.
    private func piece(_ start: UInt64, _ count: Int) -> Int {
        min(count, shape.logOffset + shape.capacity - place(start))
    }

    /// Sends a message for which there is room.
    func append(_ contents: RawSpan, _ label: QueueLabel) {
        let (start, number) = (head, nextNumber)
        setWord(start, 0, UInt64(contents.byteCount))
        setWord(start, 1, number)
        setWord(start, 2, UInt64(bitPattern: Int64(label.type)))
        setWord(start, 3, label.returnAddress.place)
        setWord(start, 4, label.returnAddress.owner)
        setWord(start, 5, label.returnAddress.number)
        KillPoints.pass("mail-described")
        let begin = start &+ UInt64(MailLogShape.headByteCount)
        let first = piece(begin, contents.byteCount)
        bytes.store(contents.extracting(first: first), at: place(begin))
        KillPoints.pass("mail-half-written")
        if first < contents.byteCount {
            bytes.store(contents.extracting(droppingFirst: first), at: shape.logOffset)
        }
        KillPoints.pass("mail-written")
        head = start &+ UInt64(MailLogShape.recordSize(contents.byteCount))
        KillPoints.pass("mail-sent")
        nextNumber = number &+ 1
    }

    /// How many messages are kept.
    var count: Int {
        guard let oldest = record(at: tail) else { return 0 }
        return Int(clamping: nextNumber &- oldest.number)
    }

    private func fits(_ size: Int) -> Bool {
        head &- tail &+ UInt64(size) <= UInt64(shape.capacity) && count < shape.messageLimit
    }

    /// Lets the oldest messages go until one of `size` bytes fits: those that all the living have received, and the others
    /// as well if `evicts`.
    ///
    /// - Returns: whether it fits, and how many went that somebody had yet to receive.
    func makeRoom(for size: Int, evicts: Bool, _ participant: Participant) -> (isThere: Bool, evicted: UInt64) {
        let needed = MailLogShape.recordSize(size)
        if fits(needed) { return (true, 0) }
        let slowest = slowestPosition(participant)
        var evicted: UInt64 = 0
        var steps = shape.recordLimit
        while !fits(needed) {
            steps -= 1
            guard steps >= 0, let oldest = record(at: tail) else {
                // Somebody has written nonsense: none of it is kept.
                tail = head
                return (true, evicted)
            }
            if slowest.map({ Int64(bitPattern: oldest.position &- $0) >= 0 }) ?? false {
                guard evicts else { return (false, evicted) }
                evicted += 1
            }
            tail = oldest.end
            KillPoints.pass("mail-tail-moved")
        }
        return (true, evicted)
    }

    /// After somebody died with the lock.
    func repair() {
        if head &- tail > UInt64(shape.capacity) { tail = head }
        var (position, last) = (tail, UInt64?.none)
        var steps = shape.recordLimit
        while steps > 0, let record = record(at: position) {
            last = record.number
            position = record.end
            steps -= 1
        }
        KillPoints.pass("mail-repairs")
        // A log without records: then nothing was sent since the number was stored.
        if let last { nextNumber = last &+ 1 }
        if position != head { tail = head }
    }
}
