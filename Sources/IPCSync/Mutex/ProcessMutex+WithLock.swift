public import IPCCore

/// The closure forms. The body gets the value in place, synchronously.
extension ProcessMutex {
    /// Runs `body` with the lock, for a task: it waits without blocking a thread.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: ``LockError/body(_:)``; or ``LockError/lock(_:)``: `.timedOut`, `.cancelled` while it waited, `.busy` when
    ///   the caller has the lock, `.participantLost`, `.resourceExhausted`.
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout Value) throws(Failure) -> sending Result
    ) async throws(LockError<Failure>) -> sending Result {
        if !core.takeFree(), let error = await core.take(deadline) { throw .lock(error) }
        return try run(body)
    }

    /// The same for a body that does not throw.
    @inlinable
    public func withLock<Result: ~Copyable>(
        until deadline: Deadline = .never, _ body: (inout Value) -> sending Result
    ) async throws(IPCError) -> sending Result {
        if !core.takeFree(), let error = await core.take(deadline) { throw error }
        return try run(body)
    }

    /// Runs `body` with the lock, on a thread that may block: never in a task.
    ///
    /// - Throws: as `withLock(until:_:)`, but for `.cancelled`.
    @inlinable
    public func withLockBlocking<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result {
        if !core.takeFree() {
            do throws(IPCError) {
                try core.takeBlocking(deadline)
            } catch {
                throw .lock(error)
            }
        }
        return try run(body)
    }

    /// The same for a body that does not throw.
    @inlinable
    public func withLockBlocking<Result: ~Copyable>(
        until deadline: Deadline = .never, _ body: (inout Value) -> sending Result
    ) throws(IPCError) -> sending Result {
        if !core.takeFree() { try core.takeBlocking(deadline) }
        return try run(body)
    }

    /// Runs `body` if nobody has the lock; nil when somebody has it. For threads and tasks.
    ///
    /// - Throws: as `withLock(until:_:)`, but for `.cancelled` and `.timedOut`.
    @inlinable
    public func withLockIfAvailable<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result? {
        if !core.takeFree() {
            do throws(IPCError) {
                guard try core.tryTake() else { return nil }
            } catch {
                throw .lock(error)
            }
        }
        return try run(body)
    }

    /// The same for a body that does not throw.
    @inlinable
    public func withLockIfAvailable<Result: ~Copyable>(
        _ body: (inout Value) -> sending Result
    ) throws(IPCError) -> sending Result? {
        if !core.takeFree() {
            guard try core.tryTake() else { return nil }
        }
        return try run(body)
    }

    /// With the lock: runs `body` on the working copy, makes it the value and lets go.
    @inlinable
    @inline(__always)
    func run<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result {
        let result: Result
        do throws(Failure) {
            // SAFETY: the working copy holds a value, aligned, and this call alone uses it while it has the lock.
            result = try unsafe body(&core.open(as: Value.self).pointee)
        } catch {
            guard core.finish() else { throw .lock(core.lostError) }
            throw .body(error)
        }
        guard core.finish() else { throw .lock(core.lostError) }
        return result
    }

    @inlinable
    @inline(__always)
    func run<Result: ~Copyable>(
        _ body: (inout Value) -> sending Result
    ) throws(IPCError) -> sending Result {
        // SAFETY: as above.
        let result = unsafe body(&core.open(as: Value.self).pointee)
        guard core.finish() else { throw core.lostError }
        return result
    }
}
