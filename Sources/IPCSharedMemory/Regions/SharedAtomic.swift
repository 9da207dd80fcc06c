public import IPCCore
import IPCSystem

/// A word of 64 bits in a region, which any number of processes read and change at once without losing a change.
///
/// All operations are sequentially consistent. Made by ``SharedMemory/atomic(at:)``.
public struct SharedAtomic: Sendable {
    private let region: SharedMemory
    private let word: SharedWord64

    init(_ region: SharedMemory, _ word: SharedWord64) {
        self.region = region
        self.word = word
    }

    /// The value now.
    public func load() -> UInt64 { word.loadSequential() }

    /// Replaces the value.
    public func store(_ value: UInt64) { word.storeSequential(value) }

    /// Replaces the value and returns the one before.
    @discardableResult
    public func exchange(_ value: UInt64) -> UInt64 { word.exchange(value) }

    /// Adds, wrapping around at 2^64, and returns the new value. Subtract n by adding `0 &- n`.
    @discardableResult
    public func add(_ value: UInt64) -> UInt64 { word.add(value) }

    /// Replaces the value if it is `expected`.
    ///
    /// - Returns: whether it was, and what was found.
    public func replace(_ expected: UInt64, with desired: UInt64) -> (isDone: Bool, found: UInt64) {
        word.replaceSequential(expected, with: desired)
    }
}

extension SharedMemory {
    /// The word at `offset`, a multiple of 8.
    ///
    /// - Throws: `.invalidArgument` when it is not, or lies outside of the region; `.permissionDenied` when the region is
    ///   not writable; `.truncated`.
    public func atomic(at offset: Int) throws(IPCError) -> SharedAtomic {
        try check(offset, 8, writes: true)
        guard offset & 7 == 0 else {
            throw IPCError(
                .invalidArgument, "use an atomic word: offset \(offset) is no multiple of 8", object: place.description)
        }
        return SharedAtomic(self, payload.word64(offset))
    }
}
