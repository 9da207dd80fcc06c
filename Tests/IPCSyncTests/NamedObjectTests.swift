import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Objects that have a region of their own: anonymous, or with a name for themselves.
@Suite(.watched) struct NamedObjectTests {
    /// What each of them has in common: intents, removal, listing, both ways to open it.
    private func checkNames<Object: SyncObject>(
        _ open: @Sendable (SharedMemoryPlace, CreationIntent) async throws -> Object,
        _ openBlocking: @escaping @Sendable (SharedMemoryPlace, CreationIntent) throws -> Object
    ) async throws {
        let name = Interop.freshName()
        let place = SharedMemoryPlace.named(name)
        defer { try? SyncRegion.remove(place) }
        #expect(await Interop.code { _ = try await open(place, .open) } == .notFound)
        let made = try await open(place, .create)
        #expect(made.region.memory.wasCreated)
        #expect(await Interop.code { _ = try await open(place, .create) } == .alreadyExists)
        let found = try await open(place, .openOrCreate)
        #expect(!found.region.memory.wasCreated)
        let blocking = try await onThread { try openBlocking(place, .open) }
        #expect(blocking.region.objects.map(\.name) == [""])
        #expect(Object.objectKinds.contains(try #require(blocking.region.objects.first).kind))
        #expect(try Object.list().contains { $0.name == name })
        let listed = try #require(try SyncRegion.list().first { $0.memory.name == name })
        #expect(listed.memory.isInUse == true)
        #expect(listed.objects == made.region.objects)
        try Object.remove(place)
        #expect(try !SyncRegion.list().contains { $0.memory.name == name })
        #expect(await Interop.code { _ = try await open(place, .open) } == .notFound)
        #expect(await Interop.code { try Object.remove(place) } == .notFound)
        #expect(await Interop.code { try Object.remove(.anonymous) } == .unsupported)
        // Those who have it keep it; a new one of that name is another one.
        let next = try await open(place, .openOrCreate)
        #expect(next.region.memory.wasCreated)
        let anonymous = try await open(.anonymous, .create)
        #expect(anonymous.region.memory.place == .anonymous)
        #expect(await Interop.code { _ = try await open(.segment(key: 4711), .openOrCreate) } == .unsupported)
        #expect(try !SharedMemory.list().contains { $0.place == .segment(key: 4711) })
    }

    @Test func mutexesHaveNames() async throws {
        try await checkNames(
            { try await ProcessMutex(at: $0, $1, initial: 7) }, { try ProcessMutex(blockingAt: $0, $1, initial: 7) })
    }

    @Test func locksHaveNames() async throws {
        try await checkNames(
            { try await ProcessLock(at: $0, $1, byteCount: 64) }, { try ProcessLock(blockingAt: $0, $1, byteCount: 64) }
        )
    }

    @Test func readWriteLocksHaveNames() async throws {
        try await checkNames(
            { try await ProcessReadWriteLock(at: $0, $1) }, { try ProcessReadWriteLock(blockingAt: $0, $1) })
    }

    @Test(arguments: [ProcessSemaphore.Kind.leased, .plain])
    func semaphoresHaveNames(_ kind: ProcessSemaphore.Kind) async throws {
        try await checkNames(
            { try await ProcessSemaphore(at: $0, kind, $1, permits: 2) },
            { try ProcessSemaphore(blockingAt: $0, kind, $1, permits: 2) })
    }

    @Test(arguments: [ProcessEvent.Reset.manual, .automatic])
    func eventsHaveNames(_ reset: ProcessEvent.Reset) async throws {
        try await checkNames(
            { try await ProcessEvent(at: $0, reset, $1) }, { try ProcessEvent(blockingAt: $0, reset, $1) })
    }

    @Test func latchesHaveNames() async throws {
        try await checkNames(
            { try await ProcessLatch(at: $0, $1, count: 2) }, { try ProcessLatch(blockingAt: $0, $1, count: 2) })
    }

    @Test func barriersHaveNames() async throws {
        try await checkNames(
            { try await ProcessBarrier(at: $0, $1, parties: 2) }, { try ProcessBarrier(blockingAt: $0, $1, parties: 2) }
        )
    }

    @Test func oncesHaveNames() async throws {
        try await checkNames({ try await ProcessOnce(at: $0, $1) }, { try ProcessOnce(blockingAt: $0, $1) })
    }

    @Test func electionsHaveNames() async throws {
        try await checkNames({ try await LeaderElection(at: $0, $1) }, { try LeaderElection(blockingAt: $0, $1) })
    }

    /// The conditions of a mutex with a region of its own lie beside it.
    @Test func aMutexOfItsOwnHasConditions() async throws {
        try await withWatchdog(.seconds(200)) {
            let mutex = try await ProcessMutex(initial: 0)
            let condition = try mutex.region.condition("changed")
            let waiting = Task { try await mutex.lock(when: condition) { $0 > 0 }.unlock() }
            while condition.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try await mutex.withLock { $0 = 1 }
            condition.signal()
            try await waiting.value
            #expect(condition.waiterCount == 0)
            for index in 1..<15 { _ = try mutex.region.condition("changed \(index)", .create) }
            let kinds = mutex.region.objects.map(\.kind)
            #expect(kinds.count { $0 == .condition } == 15 && kinds.count { $0 == .mutex } == 1)
        }
    }

    /// A region that is found keeps the number of processes that its maker chose.
    @Test func theNumberOfProcessesIsTheMakers() async throws {
        let name = Interop.freshName()
        defer { try? SyncRegion.remove(.named(name)) }
        let made = try await ProcessSemaphore(at: .named(name), .leased, permits: 2, maximumProcesses: 3)
        let found = try await ProcessSemaphore(at: .named(name), .leased, .openOrCreate, permits: 2)
        try await made.take()
        try await found.take()
        #expect(try !made.tryTake())
        #expect(found.holders == [ProcessShare(processID: ProcessFacts.processID, count: 2)])
        try await found.give()
        try await made.give()
        #expect(
            await Interop.code {
                _ = try await ProcessSemaphore(at: .named(name + "x"), .leased, permits: 2, maximumProcesses: 0)
            } == .invalidArgument)
    }

    /// A region with many objects can have the nameless one, too.
    @Test func aRegionOfManyTakesOneMore() async throws {
        try await withSyncRegion { name, region in
            _ = try region.mutex("a", initial: 1)
            #expect(await Interop.code { _ = try await ProcessEvent(at: .named(name), .manual, .open) } == .notFound)
            _ = try await ProcessEvent(at: .named(name), .manual, .openOrCreate)
            #expect(Set(region.names) == ["a", ""])
            #expect(await Interop.code { _ = try await ProcessOnce(at: .named(name), .open) } == .typeMismatch)
        }
    }

    /// Who has what, and for how long.
    @Test func holdersAreSeen() async throws {
        try await Objects.with { objects in
            let own = ProcessFacts.processID
            let peer = try await Peer.start("object-hold", objects.name, "read")
            #expect(try await peer.line() == "held")
            let reading = try await objects.read.lockForReading()
            let readers = Set(objects.read.readerProcesses.map(\.processID))
            #expect(readers == [own, peer.child.processID])
            reading.unlock()
            let other = try await Peer.start("object-hold", objects.name, "election")
            #expect(try await other.line() == "held")
            let campaign = Task {
                await Interop.code { _ = try await objects.election.campaign(until: .after(.seconds(60))).term }
            }
            // How long it has led is known once somebody sleeps, which is a moment after he is counted.
            while objects.election.leader?.waiters != 1 || objects.election.leader?.heldForAtLeast == nil {
                try await Task.sleep(for: .milliseconds(1))
            }
            let leader = try #require(objects.election.leader)
            #expect(leader.processID == other.child.processID && leader.isAlive)
            #expect(leader.heldForAtLeast ?? .zero > .zero)
            let party = try await objects.barrier.join()
            #expect(objects.barrier.memberProcesses == [ProcessShare(processID: own, count: 1)])
            let arriving = Task { await Interop.code { try await party.arrive() } }
            while objects.barrier.arrivedCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            arriving.cancel()
            #expect(await arriving.value == .cancelled)
            #expect(objects.barrier.arrivedCount == 0)
            try await peer.kill()
            try await other.kill()
            #expect(await campaign.value == nil)
            #expect(objects.read.readerProcesses.isEmpty)
        }
    }
}

/// Runs `body` on a thread that may block.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        do {
            try SystemThread.start("test") { continuation.resume(with: Swift.Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
