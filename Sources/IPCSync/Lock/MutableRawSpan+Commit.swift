import IPCSystem
import Synchronization

extension MutableRawSpan {
    /// Stores a word in one step that changes what is true, in the bytes of a ``ProcessLock``: whoever is killed before it has
    /// changed nothing, and whoever is killed after it everything. What was stored before is there when the word is, and
    /// nothing that is stored later.
    ///
    /// ```swift
    /// let log = try await ProcessLock(at: .named("log"), .openOrCreate, byteCount: 65536) { _ in
    ///     // Nothing to repair: what lies behind the count does not count.
    /// }
    /// try await log.withLock { bytes in
    ///     let count = bytes.bytes.unsafeLoad(fromByteOffset: 0, as: UInt64.self)
    ///     bytes.storeBytes(of: entry, toByteOffset: 8 + Int(count) * 8, as: UInt64.self)
    ///     bytes.commit(count + 1, at: 0)
    /// }
    /// ```
    ///
    /// Changes that are all made in this way, prepared where nobody looks and made true by one word, need no repair. It costs
    /// what a store costs.
    ///
    /// - Parameters:
    ///   - word: the new value, in the byte order of this machine.
    ///   - offset: where, in bytes: a multiple of 8, with 8 bytes there. Anything else traps.
    public mutating func commit(_ word: UInt64, at offset: Int) {
        unsafe withUnsafeMutableBytes { buffer in
            let place = unsafe Self.place(of: 8, at: offset, in: buffer)
            // A process that is killed has done what stands before an instruction and nothing of what stands after it: the
            // compiler must keep the order.
            atomicMemoryFence(ordering: .acquiringAndReleasing)
            unsafe SharedWord64(place).storeRelaxed(word)
            atomicMemoryFence(ordering: .acquiringAndReleasing)
        }
    }

    /// The same for 4 bytes, at a multiple of 4.
    public mutating func commit(_ word: UInt32, at offset: Int) {
        unsafe withUnsafeMutableBytes { buffer in
            let place = unsafe Self.place(of: 4, at: offset, in: buffer)
            atomicMemoryFence(ordering: .acquiringAndReleasing)
            unsafe SharedWord32(place).storeRelaxed(word)
            atomicMemoryFence(ordering: .acquiringAndReleasing)
        }
    }

    private static func place(
        of size: Int, at offset: Int, in buffer: UnsafeMutableRawBufferPointer
    ) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && offset <= buffer.count - size, "commit a word outside of the bytes")
        // SAFETY: there are bytes, since `size` of them lie within.
        let place = unsafe buffer.baseAddress! + offset
        precondition(UInt(bitPattern: place) % UInt(size) == 0, "commit a word that is not aligned")
        return unsafe place
    }
}
