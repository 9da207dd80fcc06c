public import Synchronization

/// An atomic word of 32 bits in mapped memory. A view: the mapping must outlive it.
///
/// One for each width, because `Synchronization` declares the operations of `Atomic` for each width and for none in
/// general: a generic word could not call them.
@safe
@usableFromInline
package struct SharedWord32: @unchecked Sendable {
    @usableFromInline package let address: UnsafeMutableRawPointer

    /// The word at `address`, which is aligned to 4 bytes.
    @inlinable
    package init(_ address: UnsafeMutableRawPointer) {
        unsafe self.address = address
    }

    @inlinable @inline(__always)
    var word: UnsafePointer<Atomic<UInt32>> {
        // SAFETY: an Atomic has the layout of its value, and every access to this word goes through one.
        unsafe UnsafePointer(address.assumingMemoryBound(to: Atomic<UInt32>.self))
    }

    /// Where the word lies, as a name for it.
    package var place: UInt { unsafe UInt(bitPattern: address) }

    @inlinable @inline(__always)
    package func loadRelaxed() -> UInt32 { unsafe word.pointee.load(ordering: .relaxed) }

    @inlinable @inline(__always)
    package func loadAcquiring() -> UInt32 { unsafe word.pointee.load(ordering: .acquiring) }

    @inlinable @inline(__always)
    package func loadSequential() -> UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }

    @inlinable @inline(__always)
    package func storeRelaxed(_ value: UInt32) { unsafe word.pointee.store(value, ordering: .relaxed) }

    @inlinable @inline(__always)
    package func storeReleasing(_ value: UInt32) { unsafe word.pointee.store(value, ordering: .releasing) }

    @inlinable @inline(__always)
    package func storeSequential(_ value: UInt32) {
        unsafe word.pointee.store(value, ordering: .sequentiallyConsistent)
    }

    /// Stores `value` and returns what was there. Sequentially consistent.
    @inlinable @inline(__always)
    package func exchange(_ value: UInt32) -> UInt32 {
        unsafe word.pointee.exchange(value, ordering: .sequentiallyConsistent)
    }

    /// Stores `desired` if the word is `expected`; acquires and releases.
    @inlinable @inline(__always)
    package func replace(_ expected: UInt32, with desired: UInt32) -> (isDone: Bool, found: UInt32) {
        let (exchanged, original) = unsafe word.pointee.compareExchange(
            expected: expected, desired: desired, ordering: .acquiringAndReleasing)
        return (exchanged, original)
    }

    /// Stores `desired` if the word is `expected`; sequentially consistent.
    @inlinable @inline(__always)
    package func replaceSequential(_ expected: UInt32, with desired: UInt32) -> (isDone: Bool, found: UInt32) {
        let (exchanged, original) = unsafe word.pointee.compareExchange(
            expected: expected, desired: desired, ordering: .sequentiallyConsistent)
        return (exchanged, original)
    }

    /// Adds, wrapping around, and returns the new value. Sequentially consistent.
    @inlinable @inline(__always)
    @discardableResult
    package func add(_ value: UInt32) -> UInt32 {
        unsafe word.pointee.wrappingAdd(value, ordering: .sequentiallyConsistent).newValue
    }
}
