import IPCSystem

/// The worker's view of its journal. The halves belong to whoever holds the desk's lock; see ``JournalLayout``.
final class JournalWriter: Sendable {
    private let memory: MappedMemory

    private var bytes: SharedBytes { memory.bytes }

    init(_ number: Int32) throws(IPCError) {
        memory = try mapping("map the journal of a worker") { () throws(SystemCallError) in
            guard try FileCalls.status(of: number).size >= UInt64(JournalLayout.fileSize) else {
                throw SystemCallError(.mmap, Errno.invalid)
            }
            return try MappedMemory(number, byteCount: JournalLayout.fileSize)
        }
    }

    /// Notes that the task has been started; 0: that none runs.
    func noteRunning(_ id: UInt64) { bytes.word64(JournalLayout.runningOffset).storeReleasing(id) }

    /// Appends a frame to a half that has room, and then counts it.
    func append(
        _ kind: CallKind, id: UInt64, _ body: RawSpan, toHalf half: Int, at offset: Int
    ) {
        let start = JournalLayout.halfOffsets[half] + offset
        let total = CallWire.headerSize + body.byteCount
        precondition(offset >= 0 && total <= JournalLayout.halfSize - offset)
        bytes.store(UInt32(total - 4).littleEndian, at: start)
        bytes.store(UInt32(kind.rawValue).littleEndian, at: start + 4)
        bytes.store(id.littleEndian, at: start + 8)
        bytes.store(body, at: start + CallWire.headerSize)
        bytes.word64(JournalLayout.lengthOffsets[half]).storeReleasing(UInt64(offset + total))
    }

    /// Counts a half as empty, after it has been sent.
    func clear(half: Int) { bytes.word64(JournalLayout.lengthOffsets[half]).storeReleasing(0) }

    /// The first `count` bytes of a half that nobody appends to while it is being sent.
    @_lifetime(borrow self)
    func bytes(ofHalf half: Int, count: Int) -> RawSpan {
        precondition(count >= 0 && count <= JournalLayout.halfSize)
        // SAFETY: the range lies inside the mapping, which lives as long as this object.
        let piece = unsafe UnsafeRawBufferPointer(bytes.unsafeBuffer(JournalLayout.halfOffsets[half], count))
        let span = unsafe RawSpan(_unsafeBytes: piece)
        return unsafe _overrideLifetime(span, borrowing: self)
    }
}
