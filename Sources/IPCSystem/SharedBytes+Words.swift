import Synchronization

/// Copies in whole words with relaxed atomic accesses: for memory that somebody else may write or read at the same moment,
/// where the protocol finds out afterwards whether the copy is good. A plain copy would be a data race.
extension SharedBytes {
    /// Copies `count` bytes from `source` to `offset`, a multiple of 8. The room is a multiple of 8 bytes; the last word is
    /// filled with zero bytes.
    package func storeWords(_ source: UnsafeRawPointer, _ count: Int, at offset: Int) {
        let words = unsafe words(offset, count)
        let whole = count / 8
        // SAFETY: `words` has been checked to have the room, and the source has `count` bytes.
        for index in 0..<whole {
            let word = unsafe source.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
            unsafe words[index].store(word, ordering: .relaxed)
        }
        guard count % 8 != 0 else { return }
        var last: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &last) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source + whole * 8, count: count % 8))
        }
        unsafe words[whole].store(last, ordering: .relaxed)
    }

    /// Copies `count` bytes from `offset` on, a multiple of 8, to `target`.
    package func loadWords(_ offset: Int, _ count: Int, to target: UnsafeMutableRawPointer) {
        let words = unsafe words(offset, count)
        let whole = count / 8
        // SAFETY: `words` has been checked to have the bytes, and the target has room for `count` of them.
        for index in 0..<whole {
            let word = unsafe words[index].load(ordering: .relaxed)
            unsafe target.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
        }
        guard count % 8 != 0 else { return }
        let last = unsafe words[whole].load(ordering: .relaxed)
        unsafe withUnsafeBytes(of: last) {
            unsafe (target + whole * 8).copyMemory(from: $0.baseAddress!, byteCount: count % 8)
        }
    }

    private func words(_ offset: Int, _ count: Int) -> UnsafePointer<Atomic<UInt64>> {
        precondition(offset & 7 == 0, "words that are not aligned")
        let start = unsafe address(offset, (count + 7) / 8 * 8)
        // SAFETY: an Atomic has the layout of its value.
        return unsafe UnsafePointer(start.assumingMemoryBound(to: Atomic<UInt64>.self))
    }
}

/// Fences between relaxed accesses.
package enum MemoryFence {
    /// What was written before is seen by everybody before what is read after. The two sides of a Dekker pair have one each,
    /// or sequentially consistent accesses instead.
    @inline(__always)
    package static func sequential() { atomicMemoryFence(ordering: .sequentiallyConsistent) }

    /// What was read before is read before what is read or written after.
    @inline(__always)
    package static func acquire() { atomicMemoryFence(ordering: .acquiring) }

    /// What is written after is written after what was read or written before.
    @inline(__always)
    package static func release() { atomicMemoryFence(ordering: .releasing) }
}
