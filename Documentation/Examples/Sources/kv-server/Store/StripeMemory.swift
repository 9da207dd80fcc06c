import Synchronization

/// The bytes of one stripe, for whoever has its lock.
///
/// A view of memory that the lock's closure lends: it does not leave that closure.
struct StripeMemory {
    let base: UnsafeMutableRawPointer
    let shape: StripeShape
    #if DEBUG
        /// Called before each store: a test looks at what a death there would leave.
        var beforeStore: ((StripeMemory) -> Void)?
    #endif

    init(base: UnsafeMutableRawPointer, shape: StripeShape) {
        self.base = base
        self.shape = shape
    }

    func load<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Word.Type) -> Word {
        base.load(fromByteOffset: offset, as: type)
    }

    func store<Word: FixedWidthInteger & BitwiseCopyable>(_ word: Word, _ offset: Int) {
        willStore()
        base.storeBytes(of: word, toByteOffset: offset, as: Word.self)
    }

    /// Copies bytes to `offset`.
    func store(_ bytes: UnsafeRawBufferPointer, _ offset: Int) {
        willStore()
        guard let source = bytes.baseAddress else { return }
        (base + offset).copyMemory(from: source, byteCount: bytes.count)
    }

    @inline(__always)
    private func willStore() {
        #if DEBUG
            beforeStore?(self)
        #endif
    }

    /// One step that changes what is true: whoever is killed before it has changed nothing, whoever is killed after it has
    /// changed everything. All that was stored before is in memory by then, and nothing that is stored later is there yet.
    ///
    /// A process that is killed has done what stands before one instruction and nothing of what stands after it, so it is
    /// the compiler alone that must keep the order: the fences on both sides see to that.
    func commit(_ word: UInt32, _ offset: Int) {
        willStore()
        atomicMemoryFence(ordering: .acquiringAndReleasing)
        (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(word, ordering: .relaxed)
        atomicMemoryFence(ordering: .acquiringAndReleasing)
    }

    /// The same for 64 bits.
    func commit(_ word: UInt64, _ offset: Int) {
        willStore()
        atomicMemoryFence(ordering: .acquiringAndReleasing)
        (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(word, ordering: .relaxed)
        atomicMemoryFence(ordering: .acquiringAndReleasing)
    }

    // MARK: The header

    func header(_ offset: Int) -> Int { load(offset, as: Int.self) }

    func setHeader(_ offset: Int, _ value: Int) { store(value, offset) }

    func addHeader(_ offset: Int, _ change: Int) { store(load(offset, as: Int.self) &+ change, offset) }
}
