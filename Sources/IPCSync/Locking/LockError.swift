public import IPCCore

/// Two errors in one signature: the lock's and the closure's.
public enum LockError<Body: Error>: Error {
    /// The lock was not taken, and the closure did not run; or it was lost while it ran (`.participantLost`).
    case lock(IPCError)
    /// The closure threw.
    case body(Body)
}

extension LockError: Sendable where Body: Sendable {}
extension LockError: Equatable where Body: Equatable {}
