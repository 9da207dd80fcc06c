import IPCParticipants

/// Where the words of one lock are: 32 bytes, from a multiple of 8 on. Zeros are a free lock.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | the owner (`OwnerWord`); its low half is the futex |
/// | 8 | 8 | CLOCK_MONOTONIC nanoseconds since when somebody waits for this owner, or took the lock after a wait |
/// | 16 | 4 | waiters, a hint: too high after a waiter died |
/// | 20 | 4 | whether somebody has waited for long, a hint |
/// | 24 | 4 | whether the object is poisoned, for objects that can be |
/// | 28 | 4 | zero |
@usableFromInline
package enum LockLayout {
    package static let byteCount = 32
    package static let owner = 0
    package static let since = 8
    package static let waiters = 16
    package static let hungry = 20
    package static let poisoned = 24
    /// In the owner word: somebody sleeps.
    @inlinable package static var sleepersBit: UInt64 { 1 << 31 }
}
