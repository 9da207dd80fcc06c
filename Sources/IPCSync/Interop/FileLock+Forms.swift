public import IPCCore
import IPCSystem

extension FileLock {
    /// A lock that is held, until this value goes or ``release()`` is called. It may be held across `await`.
    public struct Held: ~Copyable, Sendable {
        /// Who else may have it meanwhile.
        public let mode: Mode
        private let hold: FileLockHold

        init(_ hold: FileLockHold, _ mode: Mode) {
            self.hold = hold
            self.mode = mode
        }

        /// Lets go.
        public consuming func release() {}
    }

    /// Takes the lock unless somebody has one that excludes it: nil then. Never waits.
    ///
    /// - Throws: `.resourceExhausted` when there is no descriptor for it, or the kernel has no memory for locks.
    public func tryLock(_ mode: Mode = .exclusive) throws(IPCError) -> Held? {
        let hold = try FileLockHold(self, mode)
        return try hold.tryTake() ? Held(hold, mode) : nil
    }

    /// Waits for the lock. Cancellation and deadline end the wait at once, and nothing is locked then.
    ///
    /// - Throws: `.cancelled`, `.timedOut`; as ``tryLock(_:)``.
    public func lock(_ mode: Mode = .exclusive, until deadline: Deadline = .never) async throws(IPCError) -> Held {
        let hold = try FileLockHold(self, mode)
        if try hold.tryTake() { return Held(hold, mode) }
        let point = WaitEngine.shared.makeWaitPoint()
        var pace = RetryPace(first: .microseconds(100), limit: .milliseconds(16))
        repeat {
            try await pace.pause(at: point, until: deadline, "lock a file")
        } while try !hold.tryTake()
        return Held(hold, mode)
    }

    /// Waits for the lock on the calling thread, which must not be one of Swift's own: never call it in a task. Without a
    /// deadline the kernel wakes those who wait in order; with one, this tries again as ``lock(_:until:)`` does.
    ///
    /// - Throws: `.timedOut`; as ``tryLock(_:)``.
    public func lockBlocking(_ mode: Mode = .exclusive, until deadline: Deadline = .never) throws(IPCError) -> Held {
        let hold = try FileLockHold(self, mode)
        if deadline == .never {
            try hold.take()
            return Held(hold, mode)
        }
        var pace = RetryPace(first: .microseconds(100), limit: .milliseconds(16))
        while try !hold.tryTake() { try pace.pauseBlocking(until: deadline, "lock a file") }
        return Held(hold, mode)
    }
}
