/// Memory that other processes may write while we look at it: bounds-checked access to bytes and atomic words.
///
/// A view that owns nothing; whoever uses it keeps the ``MappedMemory`` alive. What a peer may write is read once, into a
/// local, and then checked. Plain copies race with a peer that does not keep to its protocol, and then give bytes that
/// mean nothing, never a trap.
@safe
@usableFromInline
package struct SharedBytes: @unchecked Sendable {
    @usableFromInline package let base: UnsafeMutableRawPointer
    @usableFromInline package let byteCount: Int

    /// `byteCount` bytes from `base` on, which stay mapped as long as this value and its copies are used.
    @inlinable
    package init(base: UnsafeMutableRawPointer, byteCount: Int) {
        unsafe self.base = base
        self.byteCount = byteCount
    }

    /// Whether `count` bytes from `offset` on lie within.
    @inlinable
    package func contains(_ offset: Int, _ count: Int) -> Bool {
        offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset
    }

    /// The address of `count` bytes at `offset`, which must lie within.
    @inlinable
    @inline(__always)
    package func address(_ offset: Int, _ count: Int) -> UnsafeMutableRawPointer {
        precondition(contains(offset, count), "access outside of a mapping")
        return unsafe base + offset
    }

    /// A part of it.
    @inlinable
    package func slice(_ offset: Int, _ count: Int) -> SharedBytes {
        unsafe SharedBytes(base: address(offset, count), byteCount: count)
    }

    /// The atomic word of 32 bits at `offset`, a multiple of 4.
    @inlinable
    package func word32(_ offset: Int) -> SharedWord32 {
        precondition(offset & 3 == 0, "a word that is not aligned")
        return unsafe SharedWord32(address(offset, 4))
    }

    /// The atomic word of 64 bits at `offset`, a multiple of 8.
    @inlinable
    package func word64(_ offset: Int) -> SharedWord64 {
        precondition(offset & 7 == 0, "a word that is not aligned")
        return unsafe SharedWord64(address(offset, 8))
    }

    /// Copies `source` to `offset`.
    @inlinable
    package func store(_ source: RawSpan, at offset: Int) {
        unsafe source.withUnsafeBytes { source in
            guard let first = source.baseAddress else { return }
            unsafe address(offset, source.count).copyMemory(from: first, byteCount: source.count)
        }
    }

    /// Appends `count` bytes from `offset` on to `output`, which must have room for them.
    @inlinable
    package func copy(_ offset: Int, _ count: Int, to output: inout OutputRawSpan) {
        precondition(count <= output.freeCapacity, "no room for the copy")
        let source = unsafe address(offset, count)
        unsafe output.withUnsafeMutableBytes { buffer, initialized in
            // SAFETY: there is room for `count` bytes behind those that are initialized.
            if count > 0 { unsafe (buffer.baseAddress! + initialized).copyMemory(from: source, byteCount: count) }
            initialized += count
        }
    }

    /// `count` bytes from `offset` on, copied.
    @inlinable
    package func array(_ offset: Int, _ count: Int) -> [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(start: address(offset, count), count: count))
    }

    /// The value at `offset`, copied byte by byte: it need not be aligned. Only for types of which every bit pattern is
    /// valid.
    @inlinable
    package func load<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
        unsafe address(offset, MemoryLayout<Value>.size).loadUnaligned(as: type)
    }

    /// Copies the bytes of `value` to `offset`.
    @inlinable
    package func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        let target = unsafe address(offset, MemoryLayout<Value>.size)
        unsafe withUnsafeBytes(of: value) { bytes in
            // SAFETY: the value has that many bytes, and the target has room for them.
            if let first = bytes.baseAddress { unsafe target.copyMemory(from: first, byteCount: bytes.count) }
        }
    }

    /// Writes `count` zero bytes.
    @inlinable
    package func clear(_ offset: Int, _ count: Int) {
        unsafe address(offset, count).initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }

    /// The bytes as they lie there, for a reader that has them to itself by the protocol.
    ///
    /// Unsafe: the span is valid as long as the mapping is, and nobody may write there meanwhile.
    @unsafe
    @inlinable
    package func unsafeBuffer(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: address(offset, count), count: count)
    }
}
