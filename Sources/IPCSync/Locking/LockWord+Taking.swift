package import IPCCore
import IPCParticipants
import IPCSystem

/// The three ways to take a lock. What each returns is whether the previous owner died with it.
extension LockWord {
    /// Takes the lock if that is possible without waiting; nil when somebody has it.
    ///
    /// That somebody died with it a moment ago, and its threads are not all gone, counts as having it.
    /// - Throws: `.participantLost`.
    package func tryLock(_ doing: StaticString) throws(IPCError) -> Bool? {
        if takeFree() { return false }
        var attempt = LockAttempt(self, doing, waits: false)
        while true {
            switch try attempt.step() {
            case .taken(let died): return died
            case .again, .giveWay: continue
            case .dead, .sleep: return nil
            }
        }
    }

    /// Takes the lock, on a thread that may block.
    ///
    /// - Throws: `.timedOut`; `.participantLost`; `.busy` when this very thread has it; what the system says.
    package func lockBlocking(until deadline: Deadline, _ doing: StaticString) throws(IPCError) -> Bool {
        if takeFree() { return false }
        return try lockBlockingSlowly(until: deadline, doing)
    }

    @inline(never)
    private func lockBlockingSlowly(until deadline: Deadline, _ doing: StaticString) throws(IPCError) -> Bool {
        try refuseRecursion(doing)
        var attempt = LockAttempt(self, doing)
        defer { attempt.end() }
        while true {
            switch try attempt.step() {
            case .taken(let died): return died
            case .again: continue
            case .dead(let owner):
                if deadline.hasPassed { throw .timedOut(doing.description) }
                participant.waitUntilGone(owner)
            case .giveWay:
                FutexWord().wait(
                    while: 0, until: min(deadline.nanoseconds, MonotonicClock.nanoseconds + LockAttempt.patience))
            case .sleep(let value, let deaths):
                try attempt.willSleep(until: deadline)
                try table.sleep(on: futex, while: value, deathCount: deaths, until: deadline)
                attempt.didSleep()
            }
        }
    }

    /// Takes the lock for a task, which may be on any thread when it lets go.
    ///
    /// - Throws: `.timedOut`, `.cancelled`: then it does not have the lock; `.participantLost`; `.busy` when this very task
    ///   has it; `.resourceExhausted` when a thread is needed and cannot be started.
    package func lock(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) -> Bool {
        if takeFree() { return false }
        return try await lockSlowly(until: deadline, doing)
    }

    @inline(never)
    private func lockSlowly(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) -> Bool {
        try refuseRecursion(doing)
        // Also those who stand behind the gate wait for the lock.
        countWaiter()
        defer { uncountWaiter() }
        try await local.gate.acquire(until: deadline, doing)
        defer { _ = local.gate.release() }
        var attempt = LockAttempt(self, doing, counts: false)
        defer { attempt.end() }
        while true {
            switch try attempt.step() {
            case .taken(let died): return died
            case .again: continue
            case .dead(let owner): try await participant.waitUntilGone(owner, until: deadline, doing)
            case .giveWay: try await pause(until: deadline, doing)
            case .sleep(let value, let deaths):
                try attempt.willSleep(until: deadline)
                try await FutexWatcher.shared.wait(
                    while: WordExpectation(futex, is: value),
                    and: WordExpectation(table.deathCount, is: deaths), keeping: participant.mappings, until: deadline,
                    doing)
                attempt.didSleep()
            }
        }
    }

    private func pause(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        let end = Deadline(nanoseconds: MonotonicClock.nanoseconds + LockAttempt.patience)
        do throws(IPCError) {
            try await WaitEngine.shared.makeWaitPoint().wait(until: min(deadline, end), doing)
        } catch {
            // Even when the deadline is over: a lock that is free then is taken.
            guard error.code == .timedOut else { throw error }
        }
    }

    /// A lock is its process's: who waits for what it holds itself would wait for ever.
    private func refuseRecursion(_ doing: StaticString) throws(IPCError) {
        let holder = local.holder.current
        guard holder != 0, holder == CallerMark.thread || holder == CallerMark.task, isMine else { return }
        throw IPCError(.busy, "\(doing): the caller has it already; these locks are not recursive")
    }
}
