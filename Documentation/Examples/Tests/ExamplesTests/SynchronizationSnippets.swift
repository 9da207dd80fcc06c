import Glibc
import IPCProcess
import IPCSync
import Testing

/// The pieces of Swift in `Documentation/Synchronization.md`, the README and the articles of IPCSync, so that they compile,
/// and run. `DocumentationTests` compares them.
@Suite(.inTurn, .serialized) struct SynchronizationSnippets {
    private func removing(_ names: String..., body: () async throws -> Void) async throws {
        // A run that was ended may have left them.
        func remove() { for name in names { try? SharedMemory.remove(.named(name)) } }
        remove()
        defer { remove() }
        try await body()
    }

    struct Account: PlainData {
        var balance = 0
        var changes = 0
    }

    @Test func aMutex() async throws {
        try await removing("example-account") {
            struct Account: PlainData {
                var balance = 0
                var changes = 0
            }

            let account = try await ProcessMutex<Account>(
                at: .named("example-account"), .openOrCreate, initial: Account())
            try await account.withLock { account in
                account.balance += 10
                account.changes += 1
            }
            #expect(try await account.withLock { $0.balance } == 10)
        }
    }

    private func askTheBank() async throws -> Int { 42 }

    @Test func aGuardAcrossAwait() async throws {
        let account = try await ProcessMutex<Account>(initial: Account())
        let guarded = try await account.lock(until: .after(.seconds(5)))
        if guarded.previousOwnerDied { print("somebody died here; the value is from before the change") }
        guarded.value.balance = try await askTheBank()  // may resume on another thread
        guarded.value.changes += 1
        try guarded.unlock()
        #expect(try await account.withLock { $0.balance } == 42)
    }

    private struct Job: PlainData {
        var number: UInt64 = 0
    }

    @Test func aMonitor() async throws {
        try await removing("example-queue") {
            struct Queue: PlainData {
                var jobs = InlineArray<8, UInt64>(repeating: 0)
                var putCount = 0
                var takenCount = 0
            }

            let region = try await SyncRegion(at: .named("example-queue"), .openOrCreate)
            let queue = try region.mutex("queue", initial: Queue())
            let notEmpty = try region.condition("not empty")
            let notFull = try region.condition("not full")

            func put(_ job: UInt64) async throws {
                let guarded = try await queue.lock(when: notFull) { $0.putCount - $0.takenCount < 8 }
                guarded.value.jobs[guarded.value.putCount % 8] = job
                guarded.value.putCount += 1
                try guarded.unlock()
                notEmpty.signal()
            }

            func take() async throws -> UInt64 {
                let guarded = try await queue.lock(when: notEmpty) { $0.takenCount < $0.putCount }
                let job = guarded.value.jobs[guarded.value.takenCount % 8]
                guarded.value.takenCount += 1
                try guarded.unlock()
                notFull.signal()
                return job
            }

            async let sum = { () async throws -> UInt64 in
                var sum: UInt64 = 0
                for _ in 0..<100 { sum += try await take() }
                return sum
            }()
            for job in 1...100 as ClosedRange<UInt64> { try await put(job) }
            #expect(try await sum == 5050)
        }
    }

    private static func rebuildIndex(_ bytes: inout MutableRawSpan) throws {
        bytes.storeBytes(of: 0, toByteOffset: 0, as: UInt64.self)
    }

    @Test func aLockWithARecovery() async throws {
        try await removing("example-table") {
            @Sendable func rebuildIndex(_ bytes: inout MutableRawSpan) throws { try Self.rebuildIndex(&bytes) }
            func insert(_ bytes: inout MutableRawSpan) {
                bytes.storeBytes(of: 1, toByteOffset: 0, as: UInt64.self)
            }
            let table = try await ProcessLock(at: .named("example-table"), .openOrCreate, byteCount: 65536) { bytes in
                try rebuildIndex(&bytes)  // after the death of an owner, before anybody else sees the bytes
            }
            do {
                try await table.withLock { bytes in insert(&bytes) }
            } catch let error as IPCError where error.code == .poisoned {
                // The recovery threw, here or elsewhere. Somebody decides: repair it, or give up what is there.
                try await table.reset()
            }
            #expect(!table.isPoisoned)
        }
    }

    @Test func permits() async throws {
        try await removing("example-pool") {
            let region = try await SyncRegion(at: .named("example-pool"), .openOrCreate)
            let licences = try region.semaphore("licences", .leased, permits: 4)
            try await licences.withPermit(until: .after(.seconds(5))) {
                // at most four at once, in all processes
            }
            #expect(licences.available == 4)
        }
    }

    @Test func aWordThatMakesAChangeTrue() async throws {
        try await removing("example-log") {
            func append(_ bytes: inout MutableRawSpan) {
                bytes.storeBytes(of: 17, toByteOffset: 8, as: UInt64.self)
            }
            let log = try await ProcessLock(at: .named("example-log"), .openOrCreate, byteCount: 65536) { _ in
                // what lies behind the count does not count
            }
            try await log.withLock { bytes in
                append(&bytes)
                // The new count: killed before it nothing has changed, after it everything.
                bytes.commit(UInt64(1), at: 0)
            }
            #expect(!log.isPoisoned)
        }
    }

    @Test func aBarrierThatTells() async throws {
        try await removing("example-steps") {
            let region = try await SyncRegion(at: .named("example-steps"), .openOrCreate)
            let barrier = try region.barrier("step", parties: 1)
            let party = try await barrier.join()
            for _ in 0..<10 {
                do {
                    try await party.arrive(until: .after(.seconds(10)))
                } catch let error as IPCError where error.code == .peerClosed {
                    // A party has died. Whoever takes its work over says when the others may go on.
                    try await barrier.reset()
                }
            }
            #expect(barrier.completedRounds == 10)
        }
    }

    @Test func aLeader() async throws {
        try await removing("example-leader") {
            let region = try await SyncRegion(at: .named("example-leader"), .openOrCreate)
            let election = try region.election("scheduler")
            election.requestResignation()
            let leadership = try await election.campaign()
            print("leader of term \(leadership.term)")
            let notice = leadership.notice
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await notice.wait() }  // somebody asks, or this process was given up
                group.addTask {
                    // the work of a leader, until it is cancelled
                }
                try await group.next()
                group.cancelAll()
            }
            leadership.resign()
            #expect(election.leader == nil)
        }
    }

    @Test func aFileLock() async throws {
        try await withTemporaryFolder { folder in
            let lock = try FileLock(at: "\(folder)/data.lock")
            let held = try await lock.lock(.exclusive, until: .after(.seconds(5)))
            // alone, also among programs that use fcntl(2) or lockf(3)
            held.release()
        }
    }

    @Test func allOrNothing() async throws {
        let forks = try await SystemVSemaphoreSet(key: 0, .create, initialValues: [1, 1, 1])
        try await forks.perform([.take(0), .take(1)])  // both or none: nobody holds one and waits for the other
        try await forks.perform([.give(0), .give(1)])
        try forks.remove()
    }

    @Test func aSemaphoreOfC() async throws {
        let name = "example-\(getpid())"
        defer { try? POSIXSemaphore.remove(named: name) }
        let slots = try POSIXSemaphore(named: name, .openOrCreate, initialValue: 4)
        try await slots.wait(until: .after(.seconds(1)))
        defer { try? slots.post() }
        #expect(slots.value == 3)
    }

    @Test func whoHasIt() async throws {
        let account = try await ProcessMutex<Account>(initial: Account())
        if let holder = account.holder {
            print("process \(holder.processID), \(holder.waiters) wait, alive: \(holder.isAlive)")
        }
        #expect(account.holder == nil)
    }
}
