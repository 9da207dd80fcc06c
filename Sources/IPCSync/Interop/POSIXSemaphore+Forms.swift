public import IPCCore
import IPCSystem

extension POSIXSemaphore {
    /// Takes a permit if there is one. Never waits. sem_trywait(3).
    public func tryWait() -> Bool {
        var found = data.loadRelaxed()
        while UInt32(truncatingIfNeeded: found) != 0 {
            let (isDone, now) = data.replace(found, with: found - 1)
            if isDone { return true }
            found = now
        }
        return false
    }

    /// Waits for a permit and takes it. sem_timedwait(3).
    ///
    /// - Throws: `.cancelled`, `.timedOut`: nothing was taken then. `.resourceExhausted` when a thread that watches for
    ///   others is needed and cannot be started.
    public func wait(until deadline: Deadline = .never) async throws(IPCError) {
        if tryWait() { return }
        data.add(Layout.oneWaiter)
        while true {
            do throws(IPCError) {
                try await FutexWatcher.shared.wait(
                    while: WordExpectation(valueWord, is: 0), keeping: region.memory, until: deadline,
                    spinning: spinning, "wait for a semaphore")
            } catch {
                leave()
                throw error
            }
            if takeAsWaiter() { return }
        }
    }

    /// The same on the calling thread, which must not be one of Swift's own: never call it in a task.
    ///
    /// - Throws: `.timedOut`: nothing was taken then.
    public func waitBlocking(until deadline: Deadline = .never) throws(IPCError) {
        if tryWait() { return }
        data.add(Layout.oneWaiter)
        while !takeAsWaiter() {
            if deadline.hasPassed {
                leave()
                throw .timedOut("wait for a semaphore")
            }
            do throws(SystemCallError) {
                var words = FutexWaitSet()
                words.add(valueWord, 0)
                // Whoever posts may be killed before the wake-up, and nothing tells that: look again now and then.
                try words.wait(until: min(deadline.nanoseconds, MonotonicClock.nanoseconds + Self.backstop))
            } catch {
                leave()
                throw IPCError(error, "wait for a semaphore", object: name)
            }
        }
    }

    /// Puts a permit there and wakes one who waits, in whatever process. sem_post(3).
    ///
    /// - Throws: `.resourceExhausted` at ``maximumValue``.
    public func post() throws(IPCError) {
        var found = data.loadRelaxed()
        while true {
            guard UInt32(truncatingIfNeeded: found) < UInt32(Self.maximumValue) else {
                throw IPCError(
                    .resourceExhausted, "post a semaphore: its value is the largest that it can have", object: name)
            }
            let (isDone, now) = data.replace(found, with: found + 1)
            if isDone { break }
            found = now
        }
        KillPoints.pass("posix semaphore posted")
        if found >> 32 != 0 { SharedFutexCalls.wake(valueWord, 1) }
    }

    /// Takes a permit and this waiter off in one step; false when there is no permit.
    private func takeAsWaiter() -> Bool {
        var found = data.loadRelaxed()
        while UInt32(truncatingIfNeeded: found) != 0 {
            let (isDone, now) = data.replace(found, with: found &- 1 &- Layout.oneWaiter)
            if isDone { return true }
            found = now
        }
        return false
    }

    /// Nanoseconds after which a thread looks again although nothing woke it.
    private static let backstop: UInt64 = 500_000_000

    private func leave() { data.add(0 &- Layout.oneWaiter) }
}
