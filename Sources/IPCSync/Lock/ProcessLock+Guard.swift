public import IPCCore

extension ProcessLock {
    /// The lock as a value: whoever has it has the lock, across `await` if need be. It lets go when it goes.
    public struct Guard: ~Copyable {
        let owner: ProcessLock
        private var isOver = false

        /// Whether whoever had the lock before died with it; the recovery has run.
        public let previousOwnerDied: Bool

        init(_ owner: ProcessLock, _ previousOwnerDied: Bool, mark: UInt) {
            self.owner = owner
            self.previousOwnerDied = previousOwnerDied
            owner.lock.local.holder.set(mark)
        }

        /// The bytes, in place.
        public func withBytes<Result: ~Copyable, Failure: Error>(
            _ body: (inout MutableRawSpan) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            try owner.withBytes(body)
        }

        /// Lets go. The end of the guard does the same without a word.
        ///
        /// - Throws: `.participantLost`: the lock was lost.
        public consuming func unlock() throws(IPCError) {
            isOver = true
            try owner.finish()
        }

        deinit {
            if !isOver { try? owner.finish() }
        }
    }

    /// Takes the lock for a task, which may await and resume elsewhere before it lets go.
    ///
    /// - Throws: `.poisoned`, `.timedOut`, `.cancelled` while it waited; `.busy` when this task has it; `.participantLost`.
    public func lock(until deadline: Deadline = .never) async throws(IPCError) -> Guard {
        let died = try await lock.lock(until: deadline, "lock")
        try settle(previousOwnerDied: died)
        return Guard(self, died, mark: CallerMark.task)
    }

    /// Takes the lock on a thread that may block.
    public func lockBlocking(until deadline: Deadline = .never) throws(IPCError) -> Guard {
        let died = try lock.lockBlocking(until: deadline, "lock")
        try settle(previousOwnerDied: died)
        return Guard(self, died, mark: 0)
    }

    /// Takes the lock if nobody has it; nil when somebody does.
    public func tryLock() throws(IPCError) -> Guard? {
        guard let died = try lock.tryLock("lock") else { return nil }
        try settle(previousOwnerDied: died)
        return Guard(self, died, mark: 0)
    }
}
