import IPCSystem

/// The words and the ring of a broadcast by their addresses alone: using them counts no references. The region must outlive
/// them.
///
/// Every position is masked before it becomes a place, so that none, whoever it comes from, leads outside of the ring.
@safe
struct BroadcastWords: @unchecked Sendable {
    static let headerByteCount = 8

    /// Bytes of the ring, a power of two.
    let capacity: UInt64
    let isLossless: Bool
    let tail: SharedWord64
    let oldest: SharedWord64
    let writerWaits: SharedWord32
    private let ring: UnsafeMutableRawPointer

    init(_ payload: SharedBytes, ring: SharedBytes, isLossless: Bool) {
        precondition(ring.byteCount & (ring.byteCount - 1) == 0 && ring.byteCount >= 8)
        capacity = UInt64(ring.byteCount)
        self.isLossless = isLossless
        tail = payload.word64(BroadcastMemory.Offset.tail)
        oldest = payload.word64(BroadcastMemory.Offset.oldest)
        writerWaits = payload.word32(BroadcastMemory.Offset.writerWaits)
        unsafe self.ring = ring.base
    }

    /// The bytes that a message takes in the ring.
    @inline(__always)
    static func recordByteCount(_ messageByteCount: Int) -> UInt64 {
        UInt64(bitPattern: Int64((headerByteCount &+ messageByteCount &+ 7) & ~7))
    }

    /// The word of eight bytes at `position`, whose last three bits do not count.
    @inline(__always)
    private func word(_ position: UInt64) -> SharedWord64 {
        // SAFETY: the mask leaves the number of a byte in the ring that is a multiple of 8.
        unsafe SharedWord64(ring + Int(truncatingIfNeeded: position & (capacity &- 8)))
    }

    /// The header of the record at `position`. It means nothing until it is known that nobody wrote there.
    @inline(__always)
    func header(at position: UInt64) -> (length: Int, sequence: UInt32) {
        let word = word(position).loadRelaxed()
        return (Int(UInt32(truncatingIfNeeded: word)), UInt32(truncatingIfNeeded: word >> 32))
    }

    @inline(__always)
    func storeHeader(_ length: Int, _ sequence: UInt32, at position: UInt64) {
        word(position).storeRelaxed(UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(sequence) << 32)
    }

    /// Copies the message of the record at `position`, at most the whole ring.
    @inline(__always)
    func loadBody(at position: UInt64, _ count: Int, to target: UnsafeMutableRawPointer) {
        precondition(count >= 0 && count <= Int(capacity))
        let start = Int(truncatingIfNeeded: (position &+ 8) & (capacity &- 8))
        let first = min(count, Int(capacity) - start)
        // SAFETY: `first` bytes lie between `start` and the end, and what is left is no more than the ring.
        unsafe Self.load(ring + start, first, to: target, isShared: !isLossless)
        if first < count { unsafe Self.load(ring, count - first, to: target + first, isShared: !isLossless) }
    }

    @inline(__always)
    func storeBody(at position: UInt64, _ source: UnsafeRawPointer, _ count: Int) {
        precondition(count >= 0 && count <= Int(capacity))
        let start = Int(truncatingIfNeeded: (position &+ 8) & (capacity &- 8))
        let first = min(count, Int(capacity) - start)
        // SAFETY: as above.
        unsafe Self.store(source, first, to: ring + start, isShared: !isLossless)
        if first < count { unsafe Self.store(source + first, count - first, to: ring, isShared: !isLossless) }
    }

    /// Up to so many bytes a loop over words is faster than a call.
    private static let loopLimit = 128

    /// Copies out of the ring: in atomic words where somebody may be writing there at this moment, as he may in a lossy
    /// broadcast. In a lossless one the protocol keeps the writer away.
    @inline(__always)
    private static func load(
        _ source: UnsafeMutableRawPointer, _ count: Int, to target: UnsafeMutableRawPointer, isShared: Bool
    ) {
        if count > loopLimit && !isShared { return unsafe target.copyMemory(from: source, byteCount: count) }
        var offset = 0
        while offset &+ 8 <= count {
            let word = unsafe SharedWord64(source + offset).loadRelaxed()
            unsafe target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        guard offset < count else { return }
        // A record takes whole words, so the last one lies within.
        let last = unsafe SharedWord64(source + offset).loadRelaxed()
        unsafe withUnsafeBytes(of: last) {
            unsafe (target + offset).copyMemory(from: $0.baseAddress!, byteCount: count &- offset)
        }
    }

    @inline(__always)
    private static func store(
        _ source: UnsafeRawPointer, _ count: Int, to target: UnsafeMutableRawPointer, isShared: Bool
    ) {
        if count > loopLimit && !isShared { return unsafe target.copyMemory(from: source, byteCount: count) }
        var offset = 0
        while offset &+ 8 <= count {
            let word = unsafe source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            unsafe SharedWord64(target + offset).storeRelaxed(word)
            offset &+= 8
        }
        guard offset < count else { return }
        var last: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &last) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source + offset, count: count &- offset))
        }
        unsafe SharedWord64(target + offset).storeRelaxed(last)
    }
}
