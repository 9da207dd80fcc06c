public import IPCCore

extension ProcessMutex {
    /// The lock as a value: whoever has it has the lock, across `await` if need be. It lets go when it goes.
    ///
    /// ```swift
    /// let account = try await mutex.lock()
    /// account.value.balance = try await bank.balance()
    /// try account.unlock()
    /// ```
    @safe
    public struct Guard: ~Copyable {
        @usableFromInline let core: MutexCore
        @usableFromInline let memory: UnsafeMutableRawPointer
        private var isOver = false

        /// Whether whoever had the lock before died with it. The value is as that one found it. Said once: if this process
        /// dies too before it lets go, the next one is told again.
        public let previousOwnerDied: Bool

        init(_ core: MutexCore, _ open: OpenValue) {
            self.core = core
            unsafe memory = open.memory
            previousOwnerDied = open.previousOwnerDied
        }

        static func take(_ core: MutexCore, until deadline: Deadline) async throws(IPCError) -> Guard {
            let died = try await core.lock.lock(until: deadline, "lock a mutex")
            return Guard(core, core.open(as: Value.self, died, mark: CallerMark.task))
        }

        static func takeBlocking(_ core: MutexCore, until deadline: Deadline) throws(IPCError) -> Guard {
            let died = try core.lock.lockBlocking(until: deadline, "lock a mutex")
            return Guard(core, core.open(as: Value.self, died, mark: 0))
        }

        /// The value. Others see what is written here when the guard goes.
        @inlinable
        public var value: Value {
            // SAFETY: the working copy belongs to the guard as long as it lives.
            get { unsafe memory.assumingMemoryBound(to: Value.self).pointee }
            nonmutating _modify { yield unsafe &memory.assumingMemoryBound(to: Value.self).pointee }
        }

        /// Makes the changes the value and lets go. The end of the guard does the same without a word.
        ///
        /// - Throws: `.participantLost`: the lock was lost, and nothing was changed.
        public consuming func unlock() throws(IPCError) {
            isOver = true
            guard core.finish() else { throw core.lostError }
        }

        /// Lets go and leaves the value as it was before the lock was taken.
        public consuming func discardChanges() {
            isOver = true
            core.abandon()
        }

        deinit {
            if !isOver { _ = core.finish() }
        }
    }

    /// Takes the lock for a task, which may await and resume elsewhere before it lets go.
    ///
    /// - Throws: `.timedOut`, `.cancelled` while it waited; `.busy` when this task has it; `.participantLost`;
    ///   `.resourceExhausted`.
    public func lock(until deadline: Deadline = .never) async throws(IPCError) -> Guard {
        try await Guard.take(core, until: deadline)
    }

    /// Takes the lock on a thread that may block.
    ///
    /// - Throws: as ``lock(until:)``, but for `.cancelled`.
    public func lockBlocking(until deadline: Deadline = .never) throws(IPCError) -> Guard {
        try Guard.takeBlocking(core, until: deadline)
    }

    /// Takes the lock if nobody has it; nil when somebody does.
    ///
    /// - Throws: `.participantLost`.
    public func tryLock() throws(IPCError) -> Guard? {
        guard let died = try core.lock.tryLock("lock a mutex") else { return nil }
        return Guard(core, core.open(as: Value.self, died, mark: 0))
    }
}
