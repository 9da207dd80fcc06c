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

    /// The value at `offset`, a multiple of 8. Only for types of which every bit pattern is valid.
    package func loadWords<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
        unsafe withUnsafeTemporaryAllocation(byteCount: MemoryLayout<Value>.stride, alignment: 16) { buffer in
            // SAFETY: the allocation has room for the value, which is loaded once all of its bytes are there.
            unsafe loadWords(offset, MemoryLayout<Value>.size, to: buffer.baseAddress!)
            return unsafe buffer.loadUnaligned(as: type)
        }
    }

    /// `count` bytes from `offset` on, a multiple of 8.
    package func wordArray(_ offset: Int, _ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe loadWords(offset, count, to: buffer.baseAddress!)
            initialized = count
        }
    }

    /// Copies the bytes of `value` to `offset`, a multiple of 8, with room for a multiple of 8 bytes.
    package func storeWords<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        unsafe withUnsafeBytes(of: value) { bytes in
            if let first = bytes.baseAddress { unsafe storeWords(first, bytes.count, at: offset) }
        }
    }

    /// Writes `count` zero bytes; offset and count are multiples of 8.
    package func clearWords(_ offset: Int, _ count: Int) {
        precondition(count & 7 == 0, "words that are not whole")
        let words = unsafe words(offset, count)
        // SAFETY: `words` has been checked to have the room.
        for index in 0..<count / 8 { unsafe words[index].store(0, ordering: .relaxed) }
    }

    private func words(_ offset: Int, _ count: Int) -> UnsafePointer<Atomic<UInt64>> {
        precondition(offset & 7 == 0, "words that are not aligned")
        let start = unsafe address(offset, (count + 7) / 8 * 8)
        // SAFETY: an Atomic has the layout of its value.
        return unsafe UnsafePointer(start.assumingMemoryBound(to: Atomic<UInt64>.self))
    }
}

/// The same for values that lie close to each other: with pieces of 8, 4 or 1 bytes, so that nothing beside them is touched.
extension SharedBytes {
    /// Copies the bytes of `value` to `offset`.
    package func storePieces<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        let target = unsafe address(offset, MemoryLayout<Value>.size)
        unsafe withUnsafeBytes(of: value) { bytes in
            Self.eachPiece(offset, bytes.count) { done, size in
                // SAFETY: the piece lies within both, and is aligned in the target.
                switch size {
                case 8:
                    let piece = unsafe bytes.loadUnaligned(fromByteOffset: done, as: UInt64.self)
                    unsafe Self.atomic(target + done, UInt64.self).pointee.store(piece, ordering: .relaxed)
                case 4:
                    let piece = unsafe bytes.loadUnaligned(fromByteOffset: done, as: UInt32.self)
                    unsafe Self.atomic(target + done, UInt32.self).pointee.store(piece, ordering: .relaxed)
                default:
                    unsafe Self.atomic(target + done, UInt8.self).pointee.store(bytes[done], ordering: .relaxed)
                }
            }
        }
    }

    /// The value at `offset`. Only for types of which every bit pattern is valid.
    package func loadPieces<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
        let source = unsafe address(offset, MemoryLayout<Value>.size)
        return unsafe withUnsafeTemporaryAllocation(byteCount: MemoryLayout<Value>.stride, alignment: 16) { buffer in
            Self.eachPiece(offset, MemoryLayout<Value>.size) { done, size in
                // SAFETY: the piece lies within both, and is aligned in the source.
                switch size {
                case 8:
                    let piece = unsafe Self.atomic(source + done, UInt64.self).pointee.load(ordering: .relaxed)
                    unsafe buffer.storeBytes(of: piece, toByteOffset: done, as: UInt64.self)
                case 4:
                    let piece = unsafe Self.atomic(source + done, UInt32.self).pointee.load(ordering: .relaxed)
                    unsafe buffer.storeBytes(of: piece, toByteOffset: done, as: UInt32.self)
                default:
                    unsafe buffer[done] = unsafe Self.atomic(source + done, UInt8.self).pointee.load(ordering: .relaxed)
                }
            }
            return unsafe buffer.loadUnaligned(as: type)
        }
    }

    /// Calls `body` for each piece of `count` bytes that begin at `offset`: how many are done, and how many it has.
    private static func eachPiece(_ offset: Int, _ count: Int, _ body: (_ done: Int, _ size: Int) -> Void) {
        var done = 0
        while done < count {
            let (place, rest) = (offset + done, count - done)
            let size = place & 7 == 0 && rest >= 8 ? 8 : place & 3 == 0 && rest >= 4 ? 4 : 1
            body(done, size)
            done += size
        }
    }

    private static func atomic<Word: AtomicRepresentable>(
        _ address: UnsafeMutableRawPointer, _ word: Word.Type
    ) -> UnsafePointer<Atomic<Word>> {
        // SAFETY: an Atomic has the layout of its value.
        unsafe UnsafePointer(address.assumingMemoryBound(to: Atomic<Word>.self))
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
