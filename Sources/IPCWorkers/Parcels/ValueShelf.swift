import IPCSystem
import Synchronization

/// Files in memory for large values, used again and again: the pages of a fresh file cost about thirty times what copying
/// into them does.
///
/// A file is with one value at a time, from `file(_:)` until that ``SealedFile`` goes. In the pool that is when the task is
/// answered, or its worker is gone: nobody reads it any more. A worker does not know when the pool has read its output, so
/// there the reader clears a word at the start of the file (`awaitsReader`), and a file whose word is set is not used.
/// The reader copies the value before it looks at it, since the file changes later.
///
/// What finds no place here goes into a file of its own, which is sealed.
final class ValueShelf: Sendable {
    /// The largest value that is kept a file for, in bytes.
    static let largestValue = 4 << 20
    /// Files without a value that are kept: each is a descriptor.
    static let mostIdle = 32

    private struct State: Sendable {
        var idle: [KeptFile] = []
        /// Of all files, also those that have a value.
        var byteCount = 0
    }

    private let state = Lock(State())
    private let awaitsReader: Bool
    /// Bytes of all files.
    private let limit: Int

    init(awaitsReader: Bool, limit: Int = 16 << 20) {
        self.awaitsReader = awaitsReader
        self.limit = limit
    }

    /// Files without a value.
    var idleCount: Int { state.withLock { $0.idle.count } }

    /// A file with these bytes.
    ///
    /// - Throws: `.resourceExhausted` when there is no memory for it.
    func file(_ bytes: RawSpan) throws(IPCError) -> SealedFile {
        guard bytes.byteCount <= Self.largestValue, let kept = take(bytes.byteCount) else {
            return try SealedFile(bytes)
        }
        kept.store(bytes, awaitsReader: awaitsReader)
        return SealedFile(kept, byteCount: bytes.byteCount, of: self)
    }

    /// The value is not needed any more.
    func give(_ kept: KeptFile) {
        // Unmapped outside the lock.
        let dropped = state.withLock { state -> KeptFile? in
            state.idle.append(kept)
            guard state.idle.count > Self.mostIdle else { return nil }
            let dropped = state.idle.removeFirst()
            state.byteCount -= dropped.capacity
            return dropped
        }
        _ = consume dropped
    }

    /// Nil when there is no room for another one, or it cannot be made.
    private func take(_ size: Int) -> KeptFile? {
        let capacity = KeptFile.capacity(for: size)
        let (found, dropped, isPermitted) = state.withLock { state -> (KeptFile?, KeptFile?, Bool) in
            // The one that was used last, which the caches may still have.
            if let index = state.idle.lastIndex(where: { $0.capacity >= capacity && !$0.isAwaited }) {
                return (state.idle.remove(at: index), nil, true)
            }
            var dropped: KeptFile?
            if state.byteCount + capacity > limit, let index = state.idle.firstIndex(where: { !$0.isAwaited }) {
                dropped = state.idle.remove(at: index)
                state.byteCount -= dropped?.capacity ?? 0
            }
            guard state.byteCount + capacity <= limit else { return (nil, dropped, false) }
            state.byteCount += capacity
            return (nil, dropped, true)
        }
        // Unmapped outside the lock.
        _ = consume dropped
        if found != nil || !isPermitted { return found }
        let made = try? KeptFile(capacity: capacity, isReadOnlyForOthers: !awaitsReader)
        if made == nil { state.withLock { $0.byteCount -= capacity } }
        return made
    }
}

/// A file in memory that this process writes to, and whose size is final: a word, and the value from `valueOffset` on.
final class KeptFile: Sendable {
    static let valueOffset = 64
    private static let granule = 64 << 10

    let descriptor: PassedDescriptor
    /// Bytes of a value that there is room for.
    let capacity: Int
    private let memory: MappedMemory

    /// Room for values of `size` bytes, and of somewhat more.
    static func capacity(for size: Int) -> Int { (size + granule - 1) / granule * granule }

    /// - Parameter isReadOnlyForOthers: whoever gets the descriptor can read alone.
    init(capacity: Int, isReadOnlyForOthers: Bool) throws(IPCError) {
        let byteCount = Self.valueOffset + capacity
        self.capacity = capacity
        let (file, mapping) = try mapping("make shared memory for large values") {
            () throws(SystemCallError) -> (Int32, MappedMemory) in
            let file = try MemoryCalls.makeFile("swift-ipc-values")
            // All its room now, or an error: a page that is missing later would be SIGBUS.
            try MemoryCalls.allocate(file.number, size: byteCount)
            let mapping = try MappedMemory(file.number, byteCount: byteCount, MappedMemory.Mode(isPrefaulted: true))
            // After the mapping by which this process writes, which stays.
            try MemoryCalls.seal(file.number, isReadOnlyForOthers ? [.size, .futureWriting] : .size)
            return (file.release(), mapping)
        }
        descriptor = PassedDescriptor(owning: file)
        memory = mapping
    }

    /// Whether a reader has not cleared the word yet.
    var isAwaited: Bool { memory.bytes.word64(0).loadAcquiring() != 0 }

    func store(_ bytes: RawSpan, awaitsReader: Bool) {
        precondition(bytes.byteCount <= capacity)
        memory.bytes.store(bytes, at: Self.valueOffset)
        if awaitsReader { memory.bytes.word64(0).storeReleasing(1) }
    }

    /// The reader's side: a copy of the value in such a file. nil when it is none.
    static func copy(from number: Int32, byteCount: Int, clearingWord: Bool) throws(SystemCallError) -> [UInt8]? {
        // A file in memory, which alone has seals, keeps nobody waiting.
        guard byteCount > 0, byteCount <= ValueShelf.largestValue,
            (try? MemoryCalls.seals(of: number).isSuperset(of: .size)) ?? false
        else { return nil }
        let bytes = try FileCalls.read(number, at: valueOffset, size: byteCount)
        guard bytes.count == byteCount else { return nil }
        if clearingWord {
            let memory = try MappedMemory(number, byteCount: valueOffset)
            withExtendedLifetime(memory) { memory.bytes.word64(0).storeReleasing(0) }
        }
        return bytes
    }
}
