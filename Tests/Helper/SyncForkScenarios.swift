import Glibc
import IPCSharedMemory
import IPCSync
import IPCSystem

private func code(_ body: () throws(IPCError) -> Void) -> IPCError.Code? {
    do throws(IPCError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}

/// `sync-fork-objects`: in the child of a fork nothing that its parent opened can be taken, given or waited for.
func forkObjects(_ arguments: [String]) async throws -> Int32 {
    let region = try await SyncRegion()
    let lock = try region.lock("lock", byteCount: 8)
    let shared = try region.readWriteLock("shared")
    let leased = try region.semaphore("leased", .leased, permits: 2)
    let plain = try region.semaphore("plain", .plain, permits: 2)
    let event = try region.event("event", .manual)
    let latch = try region.latch("latch", count: 1)
    let barrier = try region.barrier("barrier", parties: 2)
    let party = try barrier.joinBlocking()
    let once = try region.once("once")
    let election = try region.election("election")
    let leadership = try election.campaignBlocking()
    let reading = try shared.lockForReadingBlocking()
    try leased.takeBlocking()
    let soon = Deadline.after(.seconds(60))
    let status = try statusOfFork {
        let codes: [(String, IPCError.Code?)] = [
            ("lock", code { () throws(IPCError) in _ = try lock.lockBlocking(until: soon) }),
            ("try lock", code { () throws(IPCError) in _ = try lock.tryLock() }),
            ("reset", code { () throws(IPCError) in try lock.resetBlocking(until: soon) }),
            ("read", code { () throws(IPCError) in _ = try shared.lockForReadingBlocking(until: soon) }),
            ("try read", code { () throws(IPCError) in _ = try shared.tryRead() }),
            ("write", code { () throws(IPCError) in _ = try shared.lockForWritingBlocking(until: soon) }),
            ("try write", code { () throws(IPCError) in _ = try shared.tryWrite() }),
            ("take", code { () throws(IPCError) in try leased.takeBlocking(until: soon) }),
            ("try take", code { () throws(IPCError) in _ = try leased.tryTake() }),
            ("give", code { () throws(IPCError) in try leased.giveBlocking() }),
            ("take plain", code { () throws(IPCError) in try plain.takeBlocking(until: soon) }),
            ("try plain", code { () throws(IPCError) in _ = try plain.tryTake() }),
            ("give plain", code { () throws(IPCError) in try plain.giveBlocking() }),
            ("event", code { () throws(IPCError) in try event.waitBlocking(until: soon) }),
            ("latch", code { () throws(IPCError) in try latch.waitBlocking(until: soon) }),
            ("join", code { () throws(IPCError) in _ = try barrier.joinBlocking(until: soon) }),
            ("arrive", code { () throws(IPCError) in try party.arriveBlocking(until: soon) }),
            ("campaign", code { () throws(IPCError) in _ = try election.campaignBlocking(until: soon) }),
            ("try campaign", code { () throws(IPCError) in _ = try election.tryCampaign() }),
        ]
        for (name, code) in codes where code != .participantLost {
            say("child: \(name): \(code.map { "\($0)" } ?? "nothing")")
            return 1
        }
        do throws(LockError<IPCError>) {
            try once.performBlocking(until: soon) { (_: Bool) throws(IPCError) in }
            return 2
        } catch {
            guard case .lock(let error) = error, error.code == .participantLost else { return 3 }
        }
        return 0
    }
    try require(status == 0, "the child ended with \(status)")
    // What the child could not do has changed nothing.
    let isLeading = leadership.isValid
    try require(isLeading && election.leader?.processID == getpid(), "the leadership is gone")
    try require(shared.readerCount == 1 && leased.heldHere == 1 && leased.available == 1, "the child took something")
    try require(plain.available == 2 && barrier.memberCount == 1 && !once.isDone, "the child took something")
    reading.unlock()
    try leased.giveBlocking()
    leadership.resign()
    return 0
}

/// `file-lock-fork PATH`: what the child of a fork has inherited does not let go of what it has locked itself, although the
/// descriptors of its own locks have the numbers of its parent's.
func forkFileLocks(_ arguments: [String]) async throws -> Int32 {
    let count = 8 as UInt64
    let locks = try (0..<2 * count).map { try FileLock(at: arguments[0], range: $0..<$0 + 1) }
    let inherited = try (0..<Int(count)).map { FileHold(try locks[$0].lockBlocking()) }
    let status = try statusOfFork {
        do throws(IPCError) {
            var own: [FileHold] = []
            for index in Int(count)..<Int(2 * count) { own.append(FileHold(try locks[index].lockBlocking())) }
            for hold in inherited { hold.letGo() }
            var isLocked = true
            for lock in locks where try lock.conflict() == nil { isLocked = false }
            for hold in own { hold.letGo() }
            for index in Int(count)..<Int(2 * count) where try locks[index].conflict() != nil { isLocked = false }
            return isLocked ? 0 : 1
        } catch {
            return 2
        }
    }
    try require(status == 0, "the child ended with \(status)")
    for index in 0..<Int(count) { try require(try locks[index].conflict() != nil, "lock \(index) is free") }
    for hold in inherited { hold.letGo() }
    for lock in locks { try require(try lock.conflict() == nil, "a lock is left") }
    return 0
}

/// Keeps a lock on a file until it is let go.
private final class FileHold: @unchecked Sendable {
    private var held: FileLock.Held?
    init(_ held: consuming FileLock.Held) { self.held = consume held }
    func letGo() { held = nil }
}

/// `sync-leave-nothing NAME`: makes, uses and removes one of each; no descriptor, name, set or child may be left.
func leaveNothing(_ arguments: [String]) async throws -> Int32 {
    let prefix = arguments[0]
    var madeSets: Set<Int32> = []
    // The threads of the library have descriptors of their own, which stay.
    madeSets.insert(try await useAll("\(prefix)-first"))
    _ = try? FileCalls.unlink("/dev/shm/\(prefix)-first.lock")
    let before = try await settledDescriptors()
    for round in 0..<20 {
        madeSets.insert(try await useAll("\(prefix)-\(round)"))
        try FileCalls.unlink("/dev/shm/\(prefix)-\(round).lock")
    }
    var left: [String] = []
    // Places are given back by a thread of the library, a moment later.
    for _ in 0..<3000 {
        left = try await settled().filter { !before.contains($0) }
        if left.isEmpty { break }
    }
    try require(left.isEmpty, "descriptors: \(left)")
    let names = try DirectoryCalls.names(in: "/dev/shm").names.filter { $0.contains(prefix) }
    try require(names.isEmpty, "names: \(names)")
    try require(!hasChildren(), "children")
    let sets = try SystemVSemaphoreSet.list().map(\.identifier).filter { madeSets.contains($0) }
    try require(sets.isEmpty, "System V sets: \(sets)")
    return 0
}

private func settled() async throws -> [String] {
    try await Task.sleep(for: .milliseconds(20))
    return openDescriptors()
}

/// The number of the System V set that was among them.
private func useAll(_ name: String) async throws -> Int32 {
    let places = (0..<9).map { SharedMemoryPlace.named("\(name)-\($0)") }
    let mutex = try await ProcessMutex(at: places[0], initial: SyncPair())
    let lock = try await ProcessLock(at: places[1], byteCount: 8)
    let shared = try await ProcessReadWriteLock(at: places[2])
    let semaphore = try await ProcessSemaphore(at: places[3], .leased, permits: 1)
    let event = try await ProcessEvent(at: places[4], .automatic)
    let latch = try await ProcessLatch(at: places[5], count: 1)
    let once = try await ProcessOnce(at: places[6])
    let election = try await LeaderElection(at: places[7])
    let barrier = try await ProcessBarrier(at: places[8], parties: 1)
    try await mutex.withLock { $0.count += 1 }
    try await lock.withLock { _ in }
    try await shared.write { () throws(IPCError) in }
    try await semaphore.withPermit { () throws(IPCError) in }
    event.set()
    try await event.wait()
    try latch.countDown()
    try await latch.wait()
    try await once.perform { (_: Bool) async throws(IPCError) in }
    try await election.campaign().resign()
    try await barrier.join().arrive()
    for place in places { try SyncRegion.remove(place) }
    let posix = try POSIXSemaphore(named: name, .create, initialValue: 1)
    try await posix.wait()
    try POSIXSemaphore.remove(named: name)
    let set = try await SystemVSemaphoreSet(key: 0, .create, initialValues: [1])
    try await set.perform([.take(0)])
    try set.remove()
    let file = try FileLock(at: "/dev/shm/\(name).lock")
    try await file.lock().release()
    return set.identifier
}
