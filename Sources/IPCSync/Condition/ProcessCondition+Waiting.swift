public import IPCCore

/// The waits: each gives the lock up, waits, and takes it again.
extension ProcessCondition {
    /// Waits with a mutex: gives up `guarded`, which makes its changes the value, and returns with the lock again.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.participantLost`, `.invalidArgument` when the two lie in different regions.
    ///   The lock is free then.
    public func wait<Value>(
        with guarded: consuming ProcessMutex<Value>.Guard, until deadline: Deadline = .never
    ) async throws(IPCError) -> ProcessMutex<Value>.Guard {
        let core = guarded.core
        let ticket = try beginWait(with: core.lock)
        try guarded.unlock()
        try await sleep(ticket, until: deadline)
        do throws(IPCError) {
            return try await ProcessMutex<Value>.Guard.take(core, until: deadline)
        } catch {
            passOn(ticket)
            throw error
        }
    }

    /// The same on a thread that may block.
    public func waitBlocking<Value>(
        with guarded: consuming ProcessMutex<Value>.Guard, until deadline: Deadline = .never
    ) throws(IPCError) -> ProcessMutex<Value>.Guard {
        let core = guarded.core
        let ticket = try beginWait(with: core.lock)
        try guarded.unlock()
        try sleepBlocking(ticket, until: deadline)
        do throws(IPCError) {
            return try ProcessMutex<Value>.Guard.takeBlocking(core, until: deadline)
        } catch {
            passOn(ticket)
            throw error
        }
    }

    /// Waits with a lock: gives up `guarded` and returns with the lock again.
    ///
    /// - Throws: as the form for a mutex, and `.poisoned`. The lock is free then.
    public func wait(
        with guarded: consuming ProcessLock.Guard, until deadline: Deadline = .never
    ) async throws(IPCError) -> ProcessLock.Guard {
        let lock = guarded.owner
        let ticket = try beginWait(with: lock.lock)
        try guarded.unlock()
        try await sleep(ticket, until: deadline)
        do throws(IPCError) {
            return try await lock.lock(until: deadline)
        } catch {
            passOn(ticket)
            throw error
        }
    }

    /// The same on a thread that may block.
    public func waitBlocking(
        with guarded: consuming ProcessLock.Guard, until deadline: Deadline = .never
    ) throws(IPCError) -> ProcessLock.Guard {
        let lock = guarded.owner
        let ticket = try beginWait(with: lock.lock)
        try guarded.unlock()
        try sleepBlocking(ticket, until: deadline)
        do throws(IPCError) {
            return try lock.lockBlocking(until: deadline)
        } catch {
            passOn(ticket)
            throw error
        }
    }
}

extension ProcessMutex {
    /// Takes the lock when `isReady` says so of the value, and waits for `condition` until then.
    ///
    /// - Throws: as ``lock(until:)``; `.invalidArgument` when the condition lies in another region.
    public func lock(
        when condition: ProcessCondition, until deadline: Deadline = .never, _ isReady: (Value) -> Bool
    ) async throws(IPCError) -> Guard {
        var guarded = try await lock(until: deadline)
        while !isReady(guarded.value) { guarded = try await condition.wait(with: guarded, until: deadline) }
        return guarded
    }

    /// The same on a thread that may block.
    public func lockBlocking(
        when condition: ProcessCondition, until deadline: Deadline = .never, _ isReady: (Value) -> Bool
    ) throws(IPCError) -> Guard {
        var guarded = try lockBlocking(until: deadline)
        while !isReady(guarded.value) { guarded = try condition.waitBlocking(with: guarded, until: deadline) }
        return guarded
    }
}
