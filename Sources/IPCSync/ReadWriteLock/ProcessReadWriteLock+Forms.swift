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
        private var isOver = false

        init(owner: ProcessReadWriteLock) { self.owner = owner }

        /// Lets go. The end of the guard does the same without a word.
        ///
        /// - Throws: `.participantLost`: the lock was lost, so others may have been in meanwhile.
        public consuming func unlock() throws(IPCError) {
            isOver = true
            try owner.finishWriting()
        }

        deinit {
            if !isOver { try? owner.finishWriting() }
        }
    }

    /// Locks for reading if nobody writes or waits to; nil else, also when another reader is just on its way in behind a
    /// writer. After the death of a writer it runs the recovery, unless others still read. Never waits.
    ///
    /// - Throws: `.participantLost`; `.poisoned`; `.resourceExhausted` with 65,535 readers in this process.
    public func tryRead() throws(IPCError) -> ReadGuard? {
        if try enter() { return ReadGuard(owner: self) }
        if isPoisoned { throw IPCError(.poisoned, "lock for reading: an earlier recovery failed; repair it") }
        guard let died = try lock.tryLock("lock for reading") else { return nil }
        noteDeath(died)
        if !isGood {
            guard readersLeft() == nil else {
                giveUp()
                return nil
            }
            try settle()
        }
        try enterAsOwner()
        return ReadGuard(owner: self)
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
        // A guard may be let go of by another thread, so it marks none.
        lock.local.holder.set(0)
        return WriteGuard(owner: self)
    }

    /// Waits until nobody writes, and locks for reading.
    ///
    /// - Throws: `.cancelled`, `.timedOut`; `.poisoned`, `.participantLost`, `.busy`, `.resourceExhausted`.
    public func lockForReading(until deadline: Deadline = .never) async throws(IPCError) -> ReadGuard {
        try await beginReading(until: deadline)
        return ReadGuard(owner: self)
    }

    func beginReading(until deadline: Deadline) async throws(IPCError) {
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

    func beginWriting(until deadline: Deadline) async throws(IPCError) {
        let died = try await lock.lock(until: deadline, "lock for writing")
        try await becomeAlone(died, until: deadline)
    }

    /// The same as ``lockForReading(until:)`` on a thread that may block: never in a task.
    public func lockForReadingBlocking(until deadline: Deadline = .never) throws(IPCError) -> ReadGuard {
        if !enterFree() { try beginReadingBlocking(until: deadline) }
        return ReadGuard(owner: self)
    }

    @usableFromInline
    @inline(never)
    func beginReadingBlocking(until deadline: Deadline) throws(IPCError) {
        if try enter() { return }
        let died = try lock.lockBlocking(until: deadline, "lock for reading")
        if died || !isGood { try becomeAloneBlocking(died, until: deadline) }
        try enterAsOwner()
    }

    /// The same as ``lockForWriting(until:)`` on a thread that may block: never in a task.
    public func lockForWritingBlocking(until deadline: Deadline = .never) throws(IPCError) -> WriteGuard {
        try beginWritingBlocking(until: deadline)
        lock.local.holder.set(0)
        return WriteGuard(owner: self)
    }

    func beginWritingBlocking(until deadline: Deadline) throws(IPCError) {
        let died = try lock.lockBlocking(until: deadline, "lock for writing")
        try becomeAloneBlocking(died, until: deadline)
    }

    private func becomeAlone(_ died: Bool, until deadline: Deadline) async throws(IPCError) {
        noteDeath(died)
        try await waitForReaders(until: deadline)
        try settle()
    }

    private func becomeAloneBlocking(_ died: Bool, until deadline: Deadline) throws(IPCError) {
        noteDeath(died)
        try waitForReadersBlocking(until: deadline)
        try settle()
    }

    func waitForReadersBlocking(until deadline: Deadline) throws(IPCError) {
        do throws(IPCError) {
            while let (seen, deaths) = readersLeft() {
                try sleeping.sleepBlocking(on: goings, while: seen, deaths, until: deadline, "wait for readers")
            }
        } catch {
            giveUp()
            throw error
        }
    }

    /// Whoever waits in vain lets go of the writer's word.
    func waitForReaders(until deadline: Deadline) async throws(IPCError) {
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
