public import IPCCore
import IPCSystem

/// A word of 64 bits in a region, which any number of processes read and change at once without losing a change.
///
/// The operations are named as those of `Synchronization.Atomic`, and all are sequentially consistent. Made by
/// ``SharedMemory/atomic(at:)``.
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
    public func store(_ desired: UInt64) { word.storeSequential(desired) }

    /// Replaces the value and returns the one before.
    @discardableResult
    public func exchange(_ desired: UInt64) -> UInt64 { word.exchange(desired) }

    /// Adds, wrapping around at 2^64.
    ///
    /// - Returns: the value before and the one after.
    @discardableResult
    public func wrappingAdd(_ operand: UInt64) -> (oldValue: UInt64, newValue: UInt64) {
        let newValue = word.add(operand)
        return (newValue &- operand, newValue)
    }

    /// Subtracts, wrapping around at 0.
    ///
    /// - Returns: the value before and the one after.
    @discardableResult
    public func wrappingSubtract(_ operand: UInt64) -> (oldValue: UInt64, newValue: UInt64) {
        let newValue = word.add(0 &- operand)
        return (newValue &+ operand, newValue)
    }

    /// Replaces the value if it is `expected`.
    ///
    /// - Returns: whether it was, and the value that was found.
    public func compareExchange(expected: UInt64, desired: UInt64) -> (exchanged: Bool, original: UInt64) {
        let (exchanged, original) = word.replaceSequential(expected, with: desired)
        return (exchanged, original)
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
