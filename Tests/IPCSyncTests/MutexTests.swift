import IPCProcess
import IPCSystem
import IPCTestKit
import Synchronization
import TestSupport
import Testing

@testable import IPCSync

/// One mutex, in this process and among several that live.
@Suite(.watched) struct MutexTests {
    @Test func formsSeeOneValue() async throws {
        let mutex = try await ProcessMutex(initial: SyncPair(count: 1, double: 2))
        #expect(mutex.holder == nil)
        try await mutex.withLock { $0.count += 1 }
        let seen = try await mutex.withLock { $0.count }
        #expect(seen == 2)
        let taken = try mutex.withLockIfAvailable { pair in
            pair.double = 4
            return pair.count
        }
        #expect(taken == 2)
        let guarded = try await mutex.lock()
        let (double, isNews) = (guarded.value.double, guarded.previousOwnerDied)
        #expect(double == 4 && !isNews)
        #expect(mutex.holder?.processID == ProcessFacts.processID)
        #expect(mutex.holder?.isAlive == true)
        guarded.value.count = 9
        let isFree = try mutex.withLockIfAvailable { _ in true } ?? false
        #expect(!isFree)
        guarded.discardChanges()
        let after = try await mutex.withLock { $0.count }
        #expect(after == 2)
    }

    /// A body that throws has changed what it has changed, and the lock is free.
    @Test func aBodyMayThrow() async throws {
        struct Stop: Error, Equatable {}
        let mutex = try await ProcessMutex(initial: SyncPair())
        var caught: LockError<Stop>?
        do throws(LockError<Stop>) {
            try await mutex.withLock { pair throws(Stop) in
                pair.count = 5
                throw Stop()
            }
        } catch {
            caught = error
        }
        #expect(caught == .body(Stop()))
        let count = try await mutex.withLock { $0.count }
        #expect(count == 5)
    }

    @Test func waitingForOneselfIsAnError() async throws {
        let mutex = try await ProcessMutex(initial: SyncPair())
        let guarded = try await mutex.lock()
        let again = await failure { () async throws(IPCError) in try await mutex.withLock { _ in } }
        #expect(again?.code == .busy)
        try guarded.unlock()
        try await mutex.withLock { _ in
            var code: IPCError.Code?
            do throws(IPCError) { _ = try mutex.lockBlocking() } catch { code = error.code }
            #expect(code == .busy)
        }
        try await mutex.withLock { _ in }
    }

    @Test func aWaitEndsAtItsDeadline() async throws {
        let mutex = try await ProcessMutex(initial: SyncPair())
        let other = try mutex.region.mutex("", of: SyncPair.self)
        let guarded = try await mutex.lock()
        let begin = ContinuousClock.now
        let late = await failure { () async throws(IPCError) in try await other.lock(until: .after(.milliseconds(60))) }
        #expect(late?.code == .timedOut)
        #expect(ContinuousClock.now - begin >= .milliseconds(60))
        #expect(mutex.holder?.heldForAtLeast ?? .zero > .zero)
        try guarded.unlock()
        try await other.withLock(until: .now) { $0.count += 1 }
        #expect(mutex.holder == nil)
    }

    /// A waiter that slept through a change of owners says nothing of the time before it.
    @Test func theTimeOfAnOwnerIsItsOwn() async throws {
        let mutex = try await ProcessMutex(initial: SyncPair())
        let lock = mutex.core.lock
        #expect(try lock.tryLock("test") == false)
        var attempt = LockAttempt(lock, "test")
        defer { attempt.end() }
        #expect(try sleeps(&attempt))
        try attempt.willSleep(until: .never)
        try await Task.sleep(for: .milliseconds(100))
        // The owner lets go, and somebody else has the lock before the waiter looks.
        #expect(lock.unlock())
        let begin = MonotonicClock.nanoseconds
        #expect(try lock.tryLock("test") == false)
        #expect(lock.holder?.heldForAtLeast == nil)
        #expect(try sleeps(&attempt))
        let heldForAtLeast = try #require(lock.holder?.heldForAtLeast)
        #expect(heldForAtLeast <= .nanoseconds(Int64(MonotonicClock.nanoseconds - begin)))
        #expect(lock.unlock())
    }

    private func sleeps(_ attempt: inout LockAttempt) throws -> Bool {
        for _ in 0..<100 {
            switch try attempt.step() {
            case .sleep: return true
            case .again: continue
            default: return false
            }
        }
        return false
    }

    /// All tasks of a process wait, although one of them at a time sleeps on the word.
    @Test func everyTaskThatWaitsIsCounted() async throws {
        let mutex = try await ProcessMutex(initial: SyncPair())
        let guarded = try await mutex.lock()
        let waiting = (0..<5).map { _ in Task { await failure { () async throws(IPCError) in try await mutex.lock() } }
        }
        for _ in 0..<10_000 where mutex.holder?.waiters != 5 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(mutex.holder?.waiters == 5)
        for wait in waiting { wait.cancel() }
        for wait in waiting { #expect(await wait.value?.code == .cancelled) }
        #expect(mutex.holder?.waiters == 0)
        try guarded.unlock()
    }

    /// Whenever a waiter is cancelled, the lock is neither lost nor kept.
    @Test func cancellationConservesTheLock() async throws {
        try await withWatchdog(.seconds(200)) {
            let mutex = try await ProcessMutex(initial: SyncPair())
            var random = SystemRandomNumberGenerator()
            var taken = 0
            for _ in 0..<300 {
                let tasks = (0..<4).map { _ in
                    Task { () -> Bool in
                        guard let guarded = try? await mutex.lock() else { return false }
                        guarded.value.count += 1
                        await Task.yield()
                        return (try? guarded.unlock()) != nil
                    }
                }
                for _ in 0..<UInt8.random(in: 0...20, using: &random) { await Task.yield() }
                for task in tasks where Bool.random() { task.cancel() }
                for task in tasks where await task.value { taken += 1 }
            }
            let count = try await mutex.withLock(until: .after(.seconds(60))) { $0.count }
            #expect(count == taken)
            #expect(taken > 0)
        }
    }

    /// Contending tasks leave the threads of the pool to others.
    @Test func aThousandTasksLeaveATickerAlone() async throws {
        try await withWatchdog(.seconds(200)) {
            let mutex = try await ProcessMutex(initial: SyncPair())
            let ticks = Ticks()
            let ticker = Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(10))
                    ticks.count.add(1, ordering: .relaxed)
                }
            }
            let guarded = try await mutex.lock()
            let group = Task {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<1000 { group.addTask { try await mutex.withLock { $0.count += 1 } } }
                    try await group.waitForAll()
                }
            }
            // All of them wait, and none of them on a thread: the ticker goes on.
            while ticks.count.load(ordering: .relaxed) < 30 { try await Task.sleep(for: .milliseconds(10)) }
            try guarded.unlock()
            try await group.value
            ticker.cancel()
            await ticker.value
            let count = try await mutex.withLock { $0.count }
            #expect(count == 1000)
        }
    }

    @Test func processesExcludeEachOther() async throws {
        try await withWatchdog(.seconds(200)) {
            try await withFolder { folder in
                let path = "\(folder)/pair"
                let mutex = try await ProcessMutex(at: .file(path), initial: SyncPair())
                async let first = expectScenario("sync-count", path, "3", "400")
                async let second = expectScenario("sync-count", path, "3", "400")
                for _ in 0..<400 {
                    try await mutex.withLock { pair in
                        #expect(pair.count * 2 == pair.double)
                        pair.count += 1
                        pair.double += 2
                    }
                }
                _ = try await (first, second)
                let pair = try await mutex.withLock { $0 }
                #expect(pair.count == 2800 && pair.double == 5600)
            }
        }
    }

    @Test func manyLieInOneRegion() async throws {
        let region = try await SyncRegion(options: SyncRegionOptions(byteCount: 1 << 20, maximumObjects: 500))
        for index in 0..<500 {
            let mutex = try region.mutex("m\(index)", of: Int.self, .create, initial: index)
            try await mutex.withLock { $0 += 1 }
        }
        for index in 0..<500 {
            let mutex = try region.mutex("m\(index)", of: Int.self)
            let value = try await mutex.withLock { $0 }
            #expect(value == index + 1)
        }
        #expect(Set(region.names).count == 500)
    }

    @Test func whatIsWrongIsSaid() async throws {
        let region = try await SyncRegion(options: SyncRegionOptions(byteCount: 1024, maximumObjects: 4))
        _ = try region.mutex("a", of: Int.self, initial: 1)
        let other = await failure { () throws(IPCError) in try region.mutex("a", of: UInt32.self) }
        #expect(other?.code == .typeMismatch)
        #expect(other?.message.contains("expected") == true && other?.message.contains("found") == true)
        let kind = await failure { () throws(IPCError) in try region.condition("a") }
        #expect(kind?.code == .typeMismatch)
        let there = await failure { () throws(IPCError) in try region.mutex("a", of: Int.self, .create, initial: 1) }
        #expect(there?.code == .alreadyExists)
        let missing = await failure { () throws(IPCError) in try region.mutex("b", of: Int.self) }
        #expect(missing?.code == .notFound)
        let long = String(repeating: "x", count: 97)
        let name = await failure { () throws(IPCError) in try region.mutex(long, of: Int.self, initial: 1) }
        #expect(name?.code == .invalidName)
        let large = await failure { () throws(IPCError) in
            try region.mutex("c", of: InlineArray<500, UInt64>.self, initial: .init(repeating: 0))
        }
        #expect(large?.code == .resourceExhausted)
        let elsewhere = try await SyncRegion()
        let condition = try elsewhere.condition("changed")
        let mutex = try region.mutex("a", of: Int.self)
        let mixed = await failure { () async throws(IPCError) in
            try await mutex.lock(when: condition) { $0 > 100 }
        }
        #expect(mixed?.code == .invalidArgument)
        try await mutex.withLock(until: .now) { _ in }
        let segment = await failure { () async throws(IPCError) in try await SyncRegion(at: .segment(key: 77)) }
        #expect(segment?.code == .unsupported)
    }

    /// An anonymous region goes to another process, or to this one, as a descriptor: as its memory, or as itself.
    @Test(arguments: [false, true]) func anAnonymousOneCanBePassedOn(_ asMemory: Bool) async throws {
        let mutex = try await ProcessMutex(initial: 40)
        let passed = asMemory ? try mutex.region.memory.transfer(for: .readWrite) : try mutex.region.transfer()
        let region = try await SyncRegion.receive(passed, until: .never)
        try await region.mutex("", of: Int.self).withLock { $0 += 1 }
        let again = try await onThread { () throws(IPCError) in try SyncRegion.receive(try mutex.region.transfer()) }
        try await again.mutex("", of: Int.self).withLock { $0 += 1 }
        let value = try await mutex.withLock { $0 }
        #expect(value == 42)
        let place = SharedMemoryPlace.named(Interop.freshName())
        let named = try await SyncRegion(at: place)
        defer { try? SyncRegion.remove(place) }
        let refusal = await failure { () throws(IPCError) in try named.transfer() }
        #expect(refusal?.code == .unsupported)
        let nothing = await failure { () async throws(IPCError) in
            try await SyncRegion.receive(TransferredDescriptors(descriptors: []), until: .never)
        }
        #expect(nothing?.code == .decodingFailed)
    }
}

/// A count that tasks share.
private final class Ticks: Sendable {
    let count = Atomic<Int>(0)
}
