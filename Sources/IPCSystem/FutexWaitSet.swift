import CIPC
import Synchronization

/// The words that a thread is about to sleep on, with the values that it has seen. futex_waitv(2).
///
/// Where the kernel or a filter refuses that call, the thread sleeps on one of the words alone, in slices of 15 ms.
package struct FutexWaitSet: ~Copyable {
    /// The most words of one sleep.
    package static let limit = Int(CIPC_FUTEX_LIMIT)

    private static let isRefused = Atomic<Bool>(false)

    private var entries: [cipc_futex_entry] = []
    /// Keeps the private words where they are.
    private var owners: [FutexWord] = []
    /// The word to sleep on where one must do.
    package var primary = 0

    package init() {}

    package var count: Int { entries.count }

    package mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
        primary = 0
    }

    package mutating func add(_ word: SharedWord32, _ expected: UInt32) {
        unsafe append(UInt64(UInt(bitPattern: word.address)), expected, UInt32(CIPC_FUTEX_SHARED))
    }

    package mutating func add(_ word: FutexWord, _ expected: UInt32) {
        owners.append(word)
        unsafe append(UInt64(UInt(bitPattern: word.address)), expected, UInt32(CIPC_FUTEX_PRIVATE))
    }

    private mutating func append(_ address: UInt64, _ expected: UInt32, _ flags: UInt32) {
        precondition(entries.count < Self.limit, "too many words to sleep on")
        entries.append(
            cipc_futex_entry(expected: UInt64(expected), address: address, flags: flags, reserved: 0))
    }

    /// Sleeps while every word is as expected, at most until `limit` (CLOCK_MONOTONIC nanoseconds). May return early: a
    /// return is a hint, and the caller looks again.
    ///
    /// - Returns: whether `limit` was what ended it.
    /// - Throws: EFAULT when a word is not mapped any more, ENOMEM.
    @discardableResult
    package func wait(until limit: UInt64 = .max) throws(SystemCallError) -> Bool {
        if !Self.isRefused.load(ordering: .relaxed) {
            let result = attempt(.futex_waitv) {
                // SAFETY: the kernel reads the entries and the words, which the caller and `owners` keep mapped.
                unsafe entries.withUnsafeBufferPointer {
                    unsafe cipc_futex_wait_any($0.baseAddress!, UInt32($0.count), limit)
                }
            }
            if !Self.isRefusal(result) { return try Self.outcome(of: result, .futex_waitv) }
        }
        let result = attempt(.futex) {
            unsafe entries.withUnsafeBufferPointer {
                unsafe cipc_futex_wait_slice($0.baseAddress!, UInt32($0.count), UInt32(primary), limit)
            }
        }
        return try Self.outcome(of: result, .futex)
    }

    /// Sleeps while two words that processes share are as expected, as ``wait(until:)`` does: what most sleepers need,
    /// without memory for a list.
    @discardableResult
    package static func wait(
        while first: SharedWord32, is firstExpected: UInt32, and second: SharedWord32, is secondExpected: UInt32,
        until limit: UInt64 = .max
    ) throws(SystemCallError) -> Bool {
        if !isRefused.load(ordering: .relaxed) {
            let result = attempt(.futex_waitv) {
                // SAFETY: the kernel reads the words, which the caller keeps mapped.
                unsafe cipc_futex_wait_two(first.address, firstExpected, second.address, secondExpected, limit)
            }
            if !isRefusal(result) { return try outcome(of: result, .futex_waitv) }
        }
        var words = FutexWaitSet()
        words.add(first, firstExpected)
        words.add(second, secondExpected)
        return try words.wait(until: limit)
    }

    /// Whether the system does not let us have that call, which is remembered.
    private static func isRefusal(_ result: Int32) -> Bool {
        guard result == -Errno.notImplemented || result == -Errno.notPermitted else { return false }
        isRefused.store(true, ordering: .relaxed)
        return true
    }

    private static func outcome(of result: Int32, _ call: SystemCall) throws(SystemCallError) -> Bool {
        switch result {
        case 0..., -Errno.wouldBlock, -Errno.interrupted: return false
        case -Errno.timedOut: return true
        default: throw SystemCallError(call, -result)
        }
    }

    /// Tries the call again although it was refused: for tests that made it fail.
    package static func forgetRefusal() { isRefused.store(false, ordering: .relaxed) }
}
