import IPCSystem
import Synchronization

/// The worker's view of its journal. The halves belong to whoever holds the desk's lock; see ``JournalLayout``.
@safe
final class JournalWriter: @unchecked Sendable {
    // SAFETY: the mapping lives as long as this object, is changed through atomics and by the holder of the desk's lock
    // alone, and the parent only reads the file after this process has died.
    private let memory: UnsafeMutableRawBufferPointer

    init(_ number: Int32) throws(IPCError) {
        unsafe memory = try mapping("map the journal of a worker") { () throws(SystemCallError) in
            guard try FileCalls.status(of: number).size >= UInt64(JournalLayout.fileSize) else {
                throw SystemCallError(.mmap, Errno.invalid)
            }
            return try unsafe MemoryFileCalls.map(number, size: JournalLayout.fileSize)
        }
    }

    deinit { unsafe MemoryFileCalls.unmap(memory) }

    /// Notes that the task has been started; 0: that none runs.
    func noteRunning(_ id: UInt64) { store(id, at: JournalLayout.runningOffset) }

    /// Appends a frame to a half that has room, and then counts it.
    func append(
        _ kind: CallKind, id: UInt64, _ body: RawSpan, toHalf half: Int, at offset: Int
    ) {
        let start = JournalLayout.halfOffsets[half] + offset
        let total = CallWire.headerSize + body.byteCount
        precondition(offset >= 0 && total <= JournalLayout.halfSize - offset)
        // SAFETY: the range was just checked to lie inside the half.
        unsafe memory.storeBytes(of: UInt32(total - 4).littleEndian, toByteOffset: start, as: UInt32.self)
        unsafe memory.storeBytes(of: UInt32(kind.rawValue).littleEndian, toByteOffset: start + 4, as: UInt32.self)
        unsafe memory.storeBytes(of: id.littleEndian, toByteOffset: start + 8, as: UInt64.self)
        unsafe body.withUnsafeBytes { body in
            guard body.count > 0 else { return }
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[(start + CallWire.headerSize)...])
                .copyMemory(from: body)
        }
        store(UInt64(offset + total), at: JournalLayout.lengthOffsets[half])
    }

    /// Counts a half as empty, after it has been sent.
    func clear(half: Int) { store(0, at: JournalLayout.lengthOffsets[half]) }

    /// The first `count` bytes of a half that nobody appends to while it is being sent.
    @_lifetime(borrow self)
    func bytes(ofHalf half: Int, count: Int) -> RawSpan {
        precondition(count >= 0 && count <= JournalLayout.halfSize)
        let start = JournalLayout.halfOffsets[half]
        // SAFETY: the range lies inside the mapping, which lives as long as this object.
        let span = unsafe RawSpan(_unsafeBytes: memory[start..<start + count])
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    private func store(_ value: UInt64, at offset: Int) {
        // SAFETY: the offsets are those of the layout: aligned, inside the mapping, and only ever used as atomics.
        let word = unsafe memory.baseAddress!.advanced(by: offset).assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe word.pointee.store(value, ordering: .releasing)
    }
}
