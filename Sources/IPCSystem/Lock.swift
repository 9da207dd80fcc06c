import CIPC
public import Synchronization

/// State behind a lock for threads: a word that is 0 (free), 1 (taken) or 2 (taken, and somebody sleeps). futex(2).
///
/// `Synchronization.Mutex` would do, but for two things: the thread sanitizer does not see it on Linux and would report
/// every access to what it protects; and it remembers the number of its thread, so that in the child of a fork the kernel
/// refuses a lock that two threads want.
@usableFromInline
package struct Lock<State: ~Copyable>: ~Copyable {
    @usableFromInline let word = _Cell<UInt32>(0)
    @usableFromInline let cell: _Cell<State>

    package init(_ state: consuming sending State) {
        cell = _Cell(state)
    }

    /// Runs `body` with the state, while nobody else does. Keep it short: a thread that waits here is blocked.
    ///
    /// Inlinable, because a generic function that is not looks up the types of its state at each call.
    @inlinable
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        let word = unsafe atomicWord
        if unsafe !word.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
            lockSlowly()
        }
        defer {
            if unsafe word.pointee.exchange(0, ordering: .releasing) == 2 { wakeSleeper() }
        }
        // By a pointer of its own: for an access through a property the sanitizer notes one to the whole lock, word and all.
        let state = unsafe cell._address
        // SAFETY: whoever has the lock has the cell to itself.
        return try unsafe body(&state.pointee)
    }

    /// Looks a while, since what is done under a lock is short, and then sleeps.
    @usableFromInline
    @inline(never)
    borrowing func lockSlowly() {
        let word = unsafe atomicWord
        for _ in 0..<100 {
            if unsafe word.pointee.load(ordering: .relaxed) == 0,
                unsafe word.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
            {
                return
            }
            cipc_pause()
        }
        while unsafe word.pointee.exchange(2, ordering: .acquiring) != 0 { unsafe _ = cipc_futex_wait(address, 2, -1) }
    }

    @usableFromInline
    @inline(never)
    borrowing func wakeSleeper() { unsafe _ = cipc_futex_wake(address, 1) }

    @inlinable var atomicWord: UnsafePointer<Atomic<UInt32>> {
        // SAFETY: an Atomic has the layout of its value; a lock is stored in an object and has one address for its life.
        unsafe UnsafePointer(UnsafeRawPointer(word._address).assumingMemoryBound(to: Atomic<UInt32>.self))
    }

    /// The word as the kernel reads it.
    private var address: UnsafePointer<UInt32> { unsafe UnsafePointer(word._address) }
}

// Whoever has the lock has the state to itself.
extension Lock: @unchecked Sendable where State: ~Copyable {}

/// Tells the thread sanitizer of a hand-over that it cannot see: what one thread did before ``handsOver(_:)`` happened
/// before what another does after ``takesOver(_:)`` with the same object. Resuming a continuation is one.
package enum SanitizerHints {
    package static func handsOver(_ object: AnyObject) {
        // SAFETY: the address is a name and nothing else.
        unsafe cipc_sanitizer_release(Unmanaged.passUnretained(object).toOpaque())
    }

    package static func takesOver(_ object: AnyObject) {
        // SAFETY: the address is a name and nothing else.
        unsafe cipc_sanitizer_acquire(Unmanaged.passUnretained(object).toOpaque())
    }
}
