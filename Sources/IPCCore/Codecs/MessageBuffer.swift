/// Bytes that grow at the end: where a codec writes a message.
///
/// It keeps its memory over ``removeAll()``, so that a sender that reuses one buffer allocates nothing per message.
@safe
public struct MessageBuffer: ~Copyable, @unchecked Sendable {
    // SAFETY: the only pointer to a block that this value allocates and frees; never handed out but as a span that
    // borrows the value. Hence also Sendable.
    private var base: UnsafeMutableRawPointer
    /// How many bytes have been written.
    public private(set) var count: Int
    /// How many bytes fit before the next allocation.
    public private(set) var capacity: Int

    /// An empty buffer with room for `capacity` bytes.
    public init(capacity: Int = 256) {
        let capacity = max(capacity, 16)
        unsafe base = .allocate(byteCount: capacity, alignment: 16)
        self.capacity = capacity
        count = 0
    }

    deinit {
        unsafe base.deallocate()
    }

    /// What has been written.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            // SAFETY: `count` bytes are initialized, and the span borrows their owner.
            let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() { count = 0 }

    /// Appends one byte.
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    /// Appends `bytes`.
    public mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    /// Appends an integer, least significant byte first.
    public mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(littleEndian value: Value) {
        reserve(MemoryLayout<Value>.size)
        unsafe base.storeBytes(of: value.littleEndian, toByteOffset: count, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    /// Appends up to `byteCount` bytes that `body` writes in place; as many as it initialized. None when it throws.
    public mutating func append<Failure: Error>(
        byteCount: Int, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        reserve(byteCount)
        // SAFETY: the bytes from `count` on are ours, allocated and unused; what `finalize` counts is initialized.
        let free = unsafe UnsafeMutableRawBufferPointer(start: base + count, count: byteCount)
        var output = unsafe OutputRawSpan(buffer: free, initializedCount: 0)
        try body(&output)
        unsafe count += output.finalize(for: free)
    }
}

// What the codecs of this module need beside: raw blocks, and changes behind the end.
extension MessageBuffer {
    @unsafe
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        unsafe (base + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// Appends what another buffer holds.
    mutating func append(copying other: borrowing MessageBuffer) {
        reserve(other.count)
        unsafe (base + count).copyMemory(from: other.base, byteCount: other.count)
        count += other.count
    }

    /// Drops what was written from `newCount` on.
    mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count)
        count = newCount
    }

    /// Changes the byte at `offset`, which was written before.
    mutating func replace(_ byte: UInt8, at offset: Int) {
        precondition(offset >= 0 && offset < count)
        unsafe base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }

    /// Changes the four bytes at `offset`, which were written before.
    mutating func replace(littleEndian value: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= count)
        unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Zeroes `range`, which was written before.
    mutating func zero(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        unsafe (base + range.lowerBound).initializeMemory(as: UInt8.self, repeating: 0, count: range.count)
    }

    /// Makes room for `size` bytes at `offset` by moving what follows. The room holds what was there before.
    mutating func open(_ size: Int, at offset: Int) {
        precondition(offset >= 0 && offset <= count && size >= 0)
        reserve(size)
        unsafe (base + offset + size).copyMemory(from: base + offset, byteCount: count - offset)
        count += size
    }

    /// Moves `range` to `offset`, where bytes were written before. The two may overlap.
    mutating func move(_ range: Range<Int>, to offset: Int) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        precondition(offset >= 0 && offset + range.count <= count)
        unsafe (base + offset).copyMemory(from: base + range.lowerBound, byteCount: range.count)
    }

    /// Changes the bytes from `offset` on, which were written before.
    mutating func replace(_ bytes: borrowing MessageBuffer, at offset: Int) {
        precondition(offset >= 0 && offset + bytes.count <= count)
        unsafe (base + offset).copyMemory(from: bytes.base, byteCount: bytes.count)
    }

    /// Compares the bytes from `offset` on, which were written before.
    @unsafe
    func equals(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> Bool {
        guard offset >= 0, offset + bytes.count <= count else { return false }
        for index in 0..<bytes.count {
            let own = unsafe base.load(fromByteOffset: offset + index, as: UInt8.self)
            guard unsafe own == bytes[index] else { return false }
        }
        return true
    }

    @inline(__always)
    private mutating func reserve(_ size: Int) {
        precondition(size >= 0)
        if size > capacity - count { grow(by: size) }
    }

    @inline(never)
    private mutating func grow(by size: Int) {
        let (needed, overflow) = count.addingReportingOverflow(size)
        precondition(!overflow, "a message buffer cannot hold that many bytes")
        let doubled = capacity.multipliedReportingOverflow(by: 2)
        let newCapacity = max(needed, doubled.overflow ? needed : doubled.partialValue)
        // SAFETY: the old block is freed after its `count` bytes were copied; nothing else points to it.
        let newBase = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        unsafe newBase.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = newBase
        capacity = newCapacity
    }
}

extension MessageBuffer {
    /// Appends what `convert` makes of each element, least significant byte first.
    @inline(__always)
    mutating func append<Element, Wire: FixedWidthInteger & BitwiseCopyable>(
        wire elements: [Element], _ convert: (Element) -> Wire
    ) {
        let width = MemoryLayout<Wire>.size
        reserve(elements.count * width)
        let target = unsafe base + count
        unsafe elements.withUnsafeBufferPointer { source in
            for index in 0..<source.count {
                let word = unsafe convert(source[index]).littleEndian
                unsafe target.storeBytes(of: word, toByteOffset: index * width, as: Wire.self)
            }
        }
        count += elements.count * width
    }
}
