import CIPC
public import Synchronization

/// A 32-bit word of this process on which threads (never tasks) can sleep. futex(2), private.
@usableFromInline
package final class FutexWord: Sendable {
    @usableFromInline let word = Atomic<UInt32>(0)

    package init() {}

    @inlinable package var value: UInt32 { word.load(ordering: .sequentiallyConsistent) }

    @inlinable package func store(_ value: UInt32) { word.store(value, ordering: .sequentiallyConsistent) }

    @inlinable package func add(_ value: UInt32) -> UInt32 {
        word.wrappingAdd(value, ordering: .sequentiallyConsistent).newValue
    }

    @inlinable package func exchange(expected: UInt32, desired: UInt32) -> Bool {
        word.compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent).exchanged
    }

    /// Sleeps while the word is `expected`, at most until `limit` (CLOCK_MONOTONIC nanoseconds); may return early.
    package func wait(while expected: UInt32, until limit: UInt64 = .max) {
        var nanoseconds: Int64 = -1
        if limit != .max {
            let now = MonotonicClock.nanoseconds
            if limit <= now { return }
            nanoseconds = Int64(clamping: limit - now)
        }
        unsafe withAddress { _ = unsafe cipc_futex_wait($0, expected, nanoseconds) }
    }

    /// Wakes up to `count` sleeping threads.
    package func wake(_ count: Int = 1) {
        unsafe withAddress { _ = unsafe cipc_futex_wake($0, Int32(clamping: count)) }
    }

    /// Where the word is, as long as this object lives: for a sleep on several words.
    @unsafe
    var address: UnsafeRawPointer { unsafe withUnsafePointer(to: word) { unsafe UnsafeRawPointer($0) } }
    /// The word as a sleep on several words takes it. Valid as long as this object lives.
    package var view: SharedWord32 {
        // SAFETY: an Atomic stored in a class has one address for the object's life.
        unsafe withUnsafePointer(to: word) { unsafe SharedWord32(UnsafeMutableRawPointer(mutating: $0)) }
    }

    private func withAddress(_ body: (UnsafePointer<UInt32>) -> Void) {
        // SAFETY: an Atomic stored in a class has one address for the object's life, and the kernel reads one word there.
        unsafe withUnsafePointer(to: word) { unsafe body(UnsafeRawPointer($0).assumingMemoryBound(to: UInt32.self)) }
    }
}
