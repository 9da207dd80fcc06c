public import IPCCore
import IPCSystem

extension ProcessReadWriteLock {
    /// The lock, for reading, until this value goes. It may be held across `await`.
    public struct ReadGuard: ~Copyable, Sendable {
        let owner: ProcessReadWriteLock
        /// Lets go.
        public consuming func unlock() {}
        deinit { owner.leave() }
    }

    /// The lock, for writing, until this value goes. It may be held across `await`.
    public struct WriteGuard: ~Copyable, Sendable {
        let owner: ProcessReadWriteLock
        /// Lets go.
        public consuming func unlock() {}
        deinit { try? owner.finishWriting() }
    }

    /// Locks for reading if nobody writes or waits to; nil else. Never waits.
    ///
    /// - Throws: `.participantLost`; `.poisoned`; `.resourceExhausted` with 65,535 readers in this process.
    public func tryRead() throws(IPCError) -> ReadGuard? {
        if try enter() { return ReadGuard(owner: self) }
        if isPoisoned { throw IPCError(.poisoned, "lock for reading: an earlier recovery failed; repair it") }
        return nil
    }

    /// Locks for writing if nobody reads or writes; nil else. Never waits.
    ///
    /// - Throws: `.participantLost`, `.poisoned`.
    public func tryWrite() throws(IPCError) -> WriteGuard? {
        guard let died = try lock.tryLock("lock for writing") else { return nil }
        noteDeath(died)
        guard readersLeft() == nil else {
            giveUp()
            return nil
        }
        try settle()
        lock.local.holder.set(CallerMark.thread)
        return WriteGuard(owner: self)
    }

    /// Waits until nobody writes, and locks for reading.
    ///
    /// - Throws: `.cancelled`, `.timedOut`; `.poisoned`, `.participantLost`, `.busy`, `.resourceExhausted`.
    public func lockForReading(until deadline: Deadline = .never) async throws(IPCError) -> ReadGuard {
        try await beginReading(until: deadline)
        return ReadGuard(owner: self)
    }

    private func beginReading(until deadline: Deadline) async throws(IPCError) {
        if try enter() { return }
        // Behind those who write: with their word it is in, and lets the next one in.
        let died = try await lock.lock(until: deadline, "lock for reading")
        if died || !isGood { try await becomeAlone(died, until: deadline) }
        try enterAsOwner()
    }

    /// Waits until nobody reads or writes, and locks for writing.
    ///
    /// - Throws: as ``lockForReading(until:)``.
    public func lockForWriting(until deadline: Deadline = .never) async throws(IPCError) -> WriteGuard {
        try await beginWriting(until: deadline)
        lock.local.holder.set(CallerMark.task)
        return WriteGuard(owner: self)
    }

    private func beginWriting(until deadline: Deadline) async throws(IPCError) {
        let died = try await lock.lock(until: deadline, "lock for writing")
        try await becomeAlone(died, until: deadline)
    }

    /// The same as ``lockForReading(until:)`` on a thread that may block: never in a task.
    public func lockForReadingBlocking(until deadline: Deadline = .never) throws(IPCError) -> ReadGuard {
        if try !enter() { try beginReadingBlocking(until: deadline) }
        return ReadGuard(owner: self)
    }

    @usableFromInline
    @inline(never)
    func beginReadingBlocking(until deadline: Deadline) throws(IPCError) {
        let died = try lock.lockBlocking(until: deadline, "lock for reading")
        if died || !isGood { try becomeAloneBlocking(died, until: deadline) }
        try enterAsOwner()
    }

    /// The same as ``lockForWriting(until:)`` on a thread that may block: never in a task.
    public func lockForWritingBlocking(until deadline: Deadline = .never) throws(IPCError) -> WriteGuard {
        try beginWritingBlocking(until: deadline)
        return WriteGuard(owner: self)
    }

    private func beginWritingBlocking(until deadline: Deadline) throws(IPCError) {
        let died = try lock.lockBlocking(until: deadline, "lock for writing")
        try becomeAloneBlocking(died, until: deadline)
        lock.local.holder.set(CallerMark.thread)
    }

    /// Runs `body` with the lock for reading. - Throws: as ``lockForReading(until:)``, and what `body` throws.
    public func read<Result: Sendable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) async throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try await beginReading(until: deadline)
        } catch {
            throw .lock(error)
        }
        defer { leave() }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
    }

    /// The same as `read` on a thread that may block: never in a task.
    @inlinable
    public func readBlocking<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result {
        do throws(IPCError) {
            if try !enter() { try beginReadingBlocking(until: deadline) }
        } catch {
            throw .lock(error)
        }
        defer { leave() }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
    }

    /// The same as `write` on a thread that may block: never in a task.
    public func writeBlocking<Result: ~Copyable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> sending Result
    ) throws(LockError<Failure>) -> sending Result {
        do throws(IPCError) {
            try beginWritingBlocking(until: deadline)
        } catch {
            throw .lock(error)
        }
        defer { try? finishWriting() }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
    }

    /// Runs `body` with the lock for writing. - Throws: as ``lockForWriting(until:)``, and what `body` throws.
    public func write<Result: Sendable, Failure: Error>(
        until deadline: Deadline = .never, _ body: () throws(Failure) -> Result
    ) async throws(LockError<Failure>) -> Result {
        do throws(IPCError) {
            try await beginWriting(until: deadline)
        } catch {
            throw .lock(error)
        }
        lock.local.holder.set(CallerMark.thread)
        defer { try? finishWriting() }
        do throws(Failure) {
            return try body()
        } catch {
            throw .body(error)
        }
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
        do throws(Failure) {
            try body()
        } catch {
            lock.unlock()
            throw .body(error)
        }
        makeGood()
        lock.unlock()
    }

    private func becomeAlone(_ died: Bool, until deadline: Deadline) async throws(IPCError) {
        noteDeath(died)
        try await waitForReaders(until: deadline)
        try settle()
    }

    private func becomeAloneBlocking(_ died: Bool, until deadline: Deadline) throws(IPCError) {
        noteDeath(died)
        do throws(IPCError) {
            while let (seen, deaths) = readersLeft() {
                try sleeping.sleepBlocking(on: goings, while: seen, deaths, until: deadline, "wait for readers")
            }
        } catch {
            giveUp()
            throw error
        }
        try settle()
    }

    /// Whoever waits in vain lets go of the writer's word.
    private func waitForReaders(until deadline: Deadline) async throws(IPCError) {
        do throws(IPCError) {
            while let (seen, deaths) = readersLeft() {
                try await sleeping.sleep(on: goings, while: seen, deaths, until: deadline, "wait for readers")
            }
        } catch {
            giveUp()
            throw error
        }
    }
}
