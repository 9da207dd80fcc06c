import IPCCore
import IPCSystem

/// A reader's side of the ring: finds the next record and copies it out. Used under the reader's lock alone.
///
/// Nothing is read in place: in a lossy broadcast the writer may overwrite a record while it is read, so it is copied first
/// and then it is seen whether the copy is good. What the memory says is read once, checked, and only then used.
@safe
final class BroadcastCursor {
    enum Step {
        /// A record was copied: `message` has it.
        case message
        /// So many records were overwritten before this reader came to them. The next step goes on.
        case lapped(UInt64)
        /// Nothing that was not read.
        case empty
    }

    private static let maximumTries = 10_000
    private static let firstByteCount = 4096

    private let memory: BroadcastMemory
    private let words: BroadcastWords
    let seat: BroadcastSeat?
    let afterLap: BroadcastStart
    /// The most bytes of a message: what the memory says of itself decides not alone how much is allocated.
    let maximumMessageSize: Int
    /// The most bytes of a message that is read.
    private let mostBytes: Int
    /// So many bytes are read before the writer is told.
    private let publishingInterval: UInt64
    private(set) var position: UInt64
    /// How far the ring was seen to be filled: saves a look at the writer's word for each record.
    private var knownTail: UInt64
    private var expectedSequence: UInt32
    private var publishedPosition: UInt64
    /// Where the message lies that was copied, and its size. Grows to what the messages need.
    private var buffer: UnsafeMutableRawBufferPointer
    private var messageByteCount = 0
    private var holdsMessage = false

    init(
        _ memory: BroadcastMemory, from start: BroadcastStart, afterLap: BroadcastStart, maximumMessageSize: Int
    ) throws(IPCError) {
        try Self.check(maximumMessageSize)
        self.memory = memory
        words = memory.words
        mostBytes = min(memory.maximumMessageSize, maximumMessageSize)
        publishingInterval = memory.words.capacity / 64
        self.afterLap = afterLap
        self.maximumMessageSize = maximumMessageSize
        let seat = memory.isLossless ? try BroadcastSeat(memory, at: start) : nil
        self.seat = seat
        var first = seat?.cursor.loadSequential() ?? 0
        var sequence = memory.words.header(at: first & ~7).sequence
        var isSettled = memory.isLossless
        var tries = 0
        // The number of the first record, so that a lap before it is counted too: again if it was overwritten meanwhile.
        while !isSettled, tries < Self.maximumTries {
            first = start == .oldest ? memory.oldest.loadAcquiring() : memory.tail.loadAcquiring()
            sequence = memory.words.header(at: first & ~7).sequence
            MemoryFence.acquire()
            isSettled = Int64(bitPattern: memory.oldest.loadRelaxed() &- first) <= 0
            tries += 1
        }
        guard first & 7 == 0 else { throw Self.violation(memory, "one that begins at \(first)") }
        position = first
        knownTail = first
        publishedPosition = first
        expectedSequence = sequence
        // Last: what throws above must not leave it behind, for `deinit` does not run then.
        unsafe buffer = .allocate(byteCount: Self.firstByteCount, alignment: 16)
    }

    /// - Throws: `.invalidArgument` for a limit below zero.
    static func check(_ maximumMessageSize: Int) throws(IPCError) {
        guard maximumMessageSize >= 0 else {
            throw IPCError(
                .invalidArgument, "join a broadcast: a limit of \(maximumMessageSize) bytes for a message is negative")
        }
    }

    /// Goes on where a reader that was given away stood.
    init(
        _ memory: BroadcastMemory, seat: BroadcastSeat?, at position: UInt64, sequence: UInt32,
        afterLap: BroadcastStart, maximumMessageSize: Int
    ) {
        self.memory = memory
        words = memory.words
        mostBytes = min(memory.maximumMessageSize, maximumMessageSize)
        publishingInterval = memory.words.capacity / 64
        self.maximumMessageSize = maximumMessageSize
        self.seat = seat
        self.afterLap = afterLap
        self.position = position
        knownTail = position
        publishedPosition = position
        expectedSequence = sequence
        unsafe buffer = .allocate(byteCount: Self.firstByteCount, alignment: 16)
    }

    deinit { unsafe buffer.deallocate() }

    /// The message of the last step. Valid until the next one.
    var message: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: buffer[..<messageByteCount]) }

    /// Goes to the next record.
    ///
    /// - Throws: `.protocolViolation` when the memory says what cannot be; `.messageTooLarge` for a message above the limit,
    ///   which stays the next one.
    func step() throws(IPCError) -> Step {
        if holdsMessage { return .message }
        var limit = LookLimit()
        repeat {
            if position == knownTail {
                knownTail = words.tail.loadAcquiring()
                if position == knownTail { return .empty }
            }
            let available = knownTail &- position
            guard available <= words.capacity, position & 7 == 0 else {
                try jump(isLate: limit.isLate)
                continue
            }
            let header = words.header(at: position)
            let size = BroadcastWords.recordByteCount(header.length)
            let isPossible = header.length <= memory.maximumMessageSize && size <= available
            let isAllowed = header.length <= maximumMessageSize
            if isPossible && isAllowed {
                makeRoom(header.length)
                unsafe words.loadBody(at: position, header.length, to: buffer.baseAddress!)
            }
            guard isStillThere else {
                try jump(isLate: limit.isLate)
                continue
            }
            guard isPossible else { throw violation("a record of \(header.length) bytes") }
            guard isAllowed else { throw tooLarge(header.length) }
            let missed = header.sequence &- expectedSequence
            expectedSequence = header.sequence &+ 1
            position &+= size
            messageByteCount = header.length
            holdsMessage = true
            return missed == 0 ? .message : .lapped(UInt64(missed))
        } while limit.allowsAnother()
        throw violation("records that go faster than anybody can write them")
    }

    /// Where the first record begins that was not delivered.
    var unreadPosition: UInt64 {
        holdsMessage ? position &- BroadcastWords.recordByteCount(messageByteCount) : position
    }

    /// The number of that record.
    var unreadSequence: UInt32 { holdsMessage ? expectedSequence &- 1 : expectedSequence }

    /// The message was delivered.
    func consume() {
        holdsMessage = false
        tellWriterInTime()
    }

    /// Tells a writer that waits, and every other one after so many bytes: it looks only when the ring is full.
    @inline(__always)
    private func tellWriterInTime() {
        guard words.isLossless, position != publishedPosition else { return }
        if position &- publishedPosition >= publishingInterval || words.writerWaits.loadRelaxed() != 0 {
            publishedPosition = position
            seat?.advance(to: position)
        }
    }

    /// Hands over the message that was copied by `step`, and those behind it that are there already, at most `count`.
    ///
    /// It ends before whatever is out of the ordinary: the next `step` meets it again.
    ///
    /// - Returns: how many.
    func drain(_ count: Int, into body: (RawSpan) -> Void) -> Int {
        guard holdsMessage else { return 0 }
        holdsMessage = false
        // What was copied needs its room no more.
        tellWriterInTime()
        unsafe body(message.bytes)
        var delivered = 1
        while delivered < count {
            if position == knownTail {
                knownTail = words.tail.loadAcquiring()
                if position == knownTail { break }
            }
            let available = knownTail &- position
            let header = words.header(at: position)
            let size = BroadcastWords.recordByteCount(header.length)
            guard available <= words.capacity, header.length <= mostBytes, size <= available else { break }
            makeRoom(header.length)
            unsafe words.loadBody(at: position, header.length, to: buffer.baseAddress!)
            guard isStillThere, header.sequence == expectedSequence else { break }
            expectedSequence &+= 1
            position &+= size
            delivered &+= 1
            tellWriterInTime()
            // SAFETY: the buffer stays until the next record needs a larger one, and the span does not outlive the call.
            unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<header.length]).bytes)
        }
        return delivered
    }

    /// Whether what was read of the record at `position` is what the writer put there: it moves `oldest` past a record
    /// before it writes there again.
    @inline(__always)
    private var isStillThere: Bool {
        if words.isLossless { return true }
        MemoryFence.acquire()
        return Int64(bitPattern: words.oldest.loadRelaxed() &- position) <= 0
    }

    /// Nothing is left: the writer may have all the room.
    func publishPosition() {
        guard let seat, publishedPosition != unreadPosition else { return }
        publishedPosition = unreadPosition
        seat.advance(to: unreadPosition)
    }

    /// The writer has overtaken this reader: go on where a whole record begins. With the newest if it is late: a writer of
    /// large messages may overwrite the oldest one faster than it can be copied, each time.
    private func jump(isLate: Bool) throws(IPCError) {
        guard !memory.isLossless else { throw violation("a tail that left its ring") }
        let tail = memory.tail.loadAcquiring()
        let oldest = memory.oldest.loadAcquiring()
        // Between the two looks the writer may have gone on, so `oldest` may be past `tail`: then the next try sees more.
        let goesToOldest = afterLap == .oldest && !isLate && memory.isPlausible(oldest: oldest, tail: tail)
        let target = goesToOldest ? oldest : tail
        guard target & 7 == 0, Int64(bitPattern: target &- position) >= 0 else {
            throw violation("a tail that goes back")
        }
        position = target
        knownTail = tail
    }

    @inline(__always)
    private func makeRoom(_ count: Int) {
        if unsafe count > buffer.count { grow(count) }
    }

    @inline(never)
    private func grow(_ count: Int) {
        unsafe buffer.deallocate()
        // At most the largest message, which was checked.
        unsafe buffer = .allocate(byteCount: max(count, min(2 * buffer.count, mostBytes)), alignment: 16)
    }

    private func tooLarge(_ byteCount: Int) -> IPCError {
        IPCError(
            .messageTooLarge,
            "receive a broadcast: a message of \(byteCount) bytes is above this reader's limit of \(maximumMessageSize)",
            object: memory.region.place.description)
    }

    private func violation(_ found: String) -> IPCError { Self.violation(memory, found) }

    private static func violation(_ memory: BroadcastMemory, _ found: String) -> IPCError {
        IPCError(
            .protocolViolation, "receive a broadcast: expected whole records, found \(found)",
            object: memory.region.place.description)
    }
}
