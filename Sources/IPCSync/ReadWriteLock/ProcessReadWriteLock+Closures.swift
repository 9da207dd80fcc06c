public import IPCCore
import IPCSystem

/// The closure forms.
extension ProcessReadWriteLock {
    /// Runs `body` with the lock for reading.
    ///
    /// - Throws: ``LockError/lock(_:)`` as ``lockForReading(until:)``; ``LockError/body(_:)``.
    public func read<Result: Sendable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) async throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try await beginReading(until: deadline)
        } catch {
            throw .lock(error)
        }
        return try runReading(body)
    }

    /// The same on a thread that may block: never in a task.
    @inlinable
    public func readBlocking<Result, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) throws(LockError<Failure>) -> Result {
        if !enterFree() {
            do throws(IPCError) {
                try beginReadingBlocking(until: deadline)
            } catch {
                throw .lock(error)
            }
        }
        return try runReading(body)
    }

    /// Runs `body` with the lock for writing.
    ///
    /// - Throws: ``LockError/lock(_:)`` as ``lockForWriting(until:)``, and `.participantLost` when the lock was lost meanwhile;
    ///   ``LockError/body(_:)``.
    public func write<Result: Sendable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) async throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try await beginWriting(until: deadline)
        } catch {
            throw .lock(error)
        }
        return try runWriting(body)
    }

    /// The same on a thread that may block: never in a task.
    public func writeBlocking<Result, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try beginWritingBlocking(until: deadline)
        } catch {
            throw .lock(error)
        }
        return try runWriting(body)
    }

    /// Repairs what a dead writer left, alone with the lock; when `body` returns, the lock is good for all.
    ///
    /// - Throws: ``LockError/body(_:)``: it stays as it was; ``LockError/lock(_:)`` as ``lockForWriting(until:)``.
    public func repair<Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Void
    ) async throws(LockError<Failure>) {
        do throws(IPCError) {
            noteDeath(try await lock.lock(until: deadline, "repair a read-write lock"))
            try await waitForReaders(until: deadline)
        } catch {
            throw .lock(error)
        }
        try mend(body)
    }

    /// The same on a thread that may block: never in a task.
    public func repairBlocking<Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Void
    ) throws(LockError<Failure>) {
        do throws(IPCError) {
            noteDeath(try lock.lockBlocking(until: deadline, "repair a read-write lock"))
            try waitForReadersBlocking(until: deadline)
        } catch {
            throw .lock(error)
        }
        try mend(body)
    }

    /// Alone with the lock.
    private func mend<Failure: Error>(_ body: () throws(Failure) -> Void) throws(LockError<Failure>) {
        do throws(Failure) {
            try body()
        } catch {
            lock.unlock()
            throw .body(error)
        }
        makeGood()
        lock.unlock()
    }

    @inlinable
    @inline(__always)
    func runReading<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(LockError<Failure>) -> Result {
        defer { leave() }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
    }

    @inline(__always)
    private func runWriting<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(LockError<Failure>) -> Result {
        lock.local.holder.set(CallerMark.thread)
        let result: Result
        do throws(Failure) {
            result = try body()
        } catch {
            try? finishWriting()
            throw .body(error)
        }
        do throws(IPCError) {
            try finishWriting()
        } catch {
            throw .lock(error)
        }
        return result
    }
}
