import IPCSharedMemory
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// A wait that is cancelled leaves no trace: what it waited for can be had after it, by exactly as many as before.
@Suite(.watched) struct CancellationTests {
    /// Starts waits that cannot succeed, and cancels each at another moment: before it began, while it sleeps, in between.
    private func cancelMany(_ wait: @escaping @Sendable () async throws -> Void) async throws {
        for round in 0..<40 {
            let waiting = Task { await Interop.code(wait) }
            if round % 4 == 1 { for _ in 0..<round { await Task.yield() } }
            if round % 4 == 2 { try await Task.sleep(for: .milliseconds(Int.random(in: 0...4))) }
            waiting.cancel()
            let code = await waiting.value
            #expect(code == .cancelled)
        }
    }

    @Test func ofLocks() async throws {
        try await withWatchdog(.seconds(200)) {
            let region = try await SyncRegion()
            let mutex = try region.mutex("mutex", initial: 0)
            let lock = try region.lock("lock", byteCount: 8)
            let shared = try region.readWriteLock("shared")
            let once = try region.once("once")
            let election = try region.election("election")
            let held = try await mutex.lock()
            let other = try region.mutex("mutex", of: Int.self)
            for handle in [mutex, other] { try await cancelMany { try await handle.withLock { $0 += 1 } } }
            #expect(mutex.holder?.waiters == 0)
            try held.unlock()
            let count = try await other.withLock(until: .now) { $0 }
            #expect(count == 0)

            let locked = try await lock.lock()
            try await cancelMany { try await lock.withLock { _ in } }
            try await cancelMany { try await lock.reset() }
            #expect(lock.holder?.waiters == 0)
            try locked.unlock()
            try await lock.withLock(until: .now) { _ in }

            let reading = try await shared.lockForReading()
            try await cancelMany { try await shared.write { () throws(IPCError) in } }
            // No writer waits any more, so readers pass.
            try await shared.read(until: .now) { () throws(IPCError) in }
            reading.unlock()
            let writing = try await shared.lockForWriting()
            try await cancelMany { try await shared.read { () throws(IPCError) in } }
            try await cancelMany { try await shared.write { () throws(IPCError) in } }
            try writing.unlock()
            #expect(shared.readerCount == 0)
            try await shared.write(until: .now) { () throws(IPCError) in }

            try await once.perform { (_: Bool) async throws(IPCError) in
                let waiting = Task {
                    try await cancelMany { try await once.perform { (_: Bool) async throws(IPCError) in } }
                }
                do { try await waiting.value } catch { Issue.record(error) }
            }
            #expect(once.isDone)

            let leadership = try await election.campaign()
            let notice = leadership.notice
            try await cancelMany { try await election.campaign().resign() }
            try await cancelMany { try await notice.wait() }
            #expect(election.leader?.waiters == 0)
            leadership.resign()
            try await election.campaign(until: .now).resign()
        }
    }

    @Test func ofWhatIsCounted() async throws {
        try await withWatchdog(.seconds(200)) {
            let region = try await SyncRegion()
            for kind in [ProcessSemaphore.Kind.leased, .plain] {
                let semaphore = try region.semaphore("\(kind)", kind, permits: 1)
                try await semaphore.take()
                try await cancelMany { try await semaphore.take() }
                #expect(semaphore.waiterCount == 0)
                try await semaphore.give()
                #expect(semaphore.available == 1)
                try await semaphore.take(until: .now)
                try await semaphore.give()
            }
            for reset in [ProcessEvent.Reset.manual, .automatic] {
                let event = try region.event("\(reset)", reset)
                try await cancelMany { try await event.wait() }
                #expect(event.waiterCount == 0)
                event.set()
                try await event.wait(until: .now)
                #expect(event.isSet == (reset == .manual))
            }
            let latch = try region.latch("latch", count: 1)
            try await cancelMany { try await latch.wait() }
            #expect(latch.waiterCount == 0 && !latch.tryWait())
            try latch.countDown()
            try await latch.wait(until: .now)
            #expect(latch.tryWait())
            let barrier = try region.barrier("barrier", parties: 2)
            let parties = [try await barrier.join(), try await barrier.join()]
            try await cancelMany { try await parties[0].arrive() }
            #expect(barrier.arrivedCount == 0 && barrier.completedRounds == 0)
            async let first: Void = parties[0].arrive()
            try await parties[1].arrive()
            try await first
            #expect(barrier.completedRounds == 1 && !barrier.isBroken)
        }
    }

    /// The lock is free after the wait, whoever signalled meanwhile.
    @Test func ofConditions() async throws {
        try await withWatchdog(.seconds(200)) {
            let region = try await SyncRegion()
            let mutex = try region.mutex("mutex", initial: 0)
            let condition = try region.condition("condition")
            try await cancelMany { try await mutex.lock(when: condition) { $0 > 0 }.unlock() }
            #expect(condition.waiterCount == 0 && mutex.holder == nil)
            let patient = Task { try await mutex.lock(when: condition) { $0 > 0 }.unlock() }
            while condition.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            let fickle = Task { await Interop.code { try await mutex.lock(when: condition) { $0 > 0 }.unlock() } }
            while condition.waiterCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
            // One signal, and one of the two that may get it leaves at that moment.
            try await mutex.withLock { $0 = 1 }
            fickle.cancel()
            condition.signal()
            _ = await fickle.value
            try await patient.value
            #expect(condition.waiterCount == 0)
        }
    }

    @Test func ofWhatOtherProgramsUse() async throws {
        try await withWatchdog(.seconds(200)) {
            let memory = try SharedMemory(byteCount: 4096)
            let semaphore = try POSIXSemaphore(in: memory, at: 0, initialValue: 0)
            try await cancelMany { try await semaphore.wait() }
            #expect(semaphore.waiterCount == 0 && semaphore.value == 0)
            let set = try await SystemVSemaphoreSet(key: 0, .create, initialValues: [0])
            defer { try? set.remove() }
            try await cancelMany { try await set.perform([.take(0)]) }
            #expect(try set.values() == [0])
            // A slice of its wait may be on its way.
            while try set.waiterCount(of: 0) > 0 { try await Task.sleep(for: .milliseconds(5)) }
            let path = "/tmp/\(Interop.freshName()).lock"
            defer { try? FileCalls.unlink(path) }
            let file = try FileLock(at: path)
            let held = try await file.lock()
            try await cancelMany { try await file.lock().release() }
            try await cancelMany { try await file.lock(.shared).release() }
            held.release()
            try await file.lock(until: .now).release()
            let pthread = try PthreadMutex(in: memory, at: 512)
            let (begun, end) = (FutexWord(), FutexWord())
            let holding = Task {
                try await onThread {
                    try pthread.withLockBlocking { () throws(IPCError) in
                        begun.store(1)
                        while end.value == 0 { end.wait(while: 0) }
                    }
                }
            }
            while begun.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try await cancelMany { try await pthread.withLock { () throws(IPCError) in } }
            end.store(1)
            end.wake()
            try await holding.value
            try await pthread.withLock { () throws(IPCError) in }
        }
    }
}
