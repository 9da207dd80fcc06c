public import IPCCore

extension ProcessLock {
    /// Runs `body` with the lock, for a task: it waits without blocking a thread.
    ///
    /// - Throws: ``LockError/body(_:)``; or ``LockError/lock(_:)``: `.poisoned`, `.timedOut`, `.cancelled` while it waited,
    ///   `.busy` when the caller has the lock, `.participantLost`, `.resourceExhausted`.
    public func withLock<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout MutableRawSpan) throws(Failure) -> sending Result
    ) async throws(LockError<Failure>) -> sending Result {
        do throws(IPCError) {
            try settle(previousOwnerDied: try await lock.lock(until: deadline, "lock"))
        } catch {
            throw .lock(error)
        }
        return try run(body)
    }

    /// The same on a thread that may block: never in a task.
    public func withLockBlocking<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout MutableRawSpan) throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result {
        do throws(IPCError) {
            try settle(previousOwnerDied: try lock.lockBlocking(until: deadline, "lock"))
        } catch {
            throw .lock(error)
        }
        return try run(body)
    }

    /// Runs `body` if nobody has the lock; nil when somebody has it.
    public func withLockIfAvailable<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result? {
        do throws(IPCError) {
            guard let died = try lock.tryLock("lock") else { return nil }
            try settle(previousOwnerDied: died)
        } catch {
            throw .lock(error)
        }
        return try run(body)
    }

    /// The form for tasks with a body that does not throw.
    public func withLock<Result: ~Copyable>(
        until deadline: Deadline = .never, _ body: (inout MutableRawSpan) -> sending Result
    ) async throws(IPCError) -> sending Result {
        try settle(previousOwnerDied: try await lock.lock(until: deadline, "lock"))
        return try runPlain(body)
    }

    /// The form for threads with a body that does not throw.
    public func withLockBlocking<Result: ~Copyable>(
        until deadline: Deadline = .never, _ body: (inout MutableRawSpan) -> sending Result
    ) throws(IPCError) -> sending Result {
        try settle(previousOwnerDied: try lock.lockBlocking(until: deadline, "lock"))
        return try runPlain(body)
    }

    /// Repairs what is there, poisoned or not: others get the lock again when `body` has returned. If it throws, the lock
    /// is poisoned.
    ///
    /// - Throws: as `withLock(until:_:)`, but for `.poisoned`.
    public func repair<Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout MutableRawSpan) throws(Failure) -> Void
    ) async throws(LockError<Failure>) {
        do throws(IPCError) {
            _ = try await lock.lock(until: deadline, "repair what a lock protects")
        } catch {
            throw .lock(error)
        }
        try mend(body)
    }

    /// The same on a thread that may block.
    public func repairBlocking<Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout MutableRawSpan) throws(Failure) -> Void
    ) throws(LockError<Failure>) {
        do throws(IPCError) {
            _ = try lock.lockBlocking(until: deadline, "repair what a lock protects")
        } catch {
            throw .lock(error)
        }
        try mend(body)
    }

    /// Gives up what is there: zeros, as in a new lock.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.busy`, `.participantLost`.
    public func reset(until deadline: Deadline = .never) async throws(IPCError) {
        _ = try await lock.lock(until: deadline, "reset a lock")
        clear()
        setPoisoned(false)
        try finish()
    }

    /// The same on a thread that may block.
    public func resetBlocking(until deadline: Deadline = .never) throws(IPCError) {
        _ = try lock.lockBlocking(until: deadline, "reset a lock")
        clear()
        setPoisoned(false)
        try finish()
    }

    private func run<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result {
        lock.local.holder.set(CallerMark.thread)
        let result: Result
        do throws(Failure) {
            result = try withBytes(body)
        } catch {
            try end(Failure.self)
            throw .body(error)
        }
        try end(Failure.self)
        return result
    }

    private func runPlain<Result: ~Copyable>(
        _ body: (inout MutableRawSpan) -> sending Result
    ) throws(IPCError) -> sending Result {
        lock.local.holder.set(CallerMark.thread)
        let result = withBytes(body)
        try finish()
        return result
    }

    private func mend<Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Void
    ) throws(LockError<Failure>) {
        lock.local.holder.set(CallerMark.thread)
        do throws(Failure) {
            try withBytes { bytes throws(Failure) in try body(&bytes) }
        } catch {
            setPoisoned(true)
            try end(Failure.self)
            throw .body(error)
        }
        setPoisoned(false)
        try end(Failure.self)
    }

    private func end<Failure: Error>(_ type: Failure.Type) throws(LockError<Failure>) {
        do throws(IPCError) {
            try finish()
        } catch {
            throw .lock(error)
        }
    }
}
