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

    /// Notes that the task has been started, and when.
    func noteRunning(_ id: UInt64, since start: UInt64) {
        bytes.word64(JournalLayout.startOffset).storeReleasing(start)
        bytes.word64(JournalLayout.runningOffset).storeReleasing(id)
    }

    /// Notes that none runs.
    func noteNothingRuns() { bytes.word64(JournalLayout.runningOffset).storeReleasing(0) }

    /// Notes that this process ends itself for a task.
    func noteVerdict(_ verdict: WorkerVerdict, on id: UInt64) {
        if case .memory(let byteCount) = verdict {
            bytes.word64(JournalLayout.memoryOffset).storeReleasing(UInt64(byteCount))
        }
        bytes.word64(JournalLayout.reasonOffset).storeReleasing(verdict.number)
        bytes.word64(JournalLayout.judgedOffset).storeReleasing(id)
    }

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

    /// Notes that this half has answers, and that what comes now goes to the other one.
    func noteOlder(half: Int) { bytes.word64(JournalLayout.olderOffset).storeReleasing(UInt64(half)) }

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
