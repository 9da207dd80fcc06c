import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// A number that closures count up.
final class Tally: Sendable {
    let count = Lock(0)
}

/// A region with one object of each kind, named after it, and how often each was repaired.
final class Objects: Sendable {
    let name: String
    let region: SyncRegion
    let mutex: ProcessMutex<SyncPair>
    let lock: ProcessLock
    let read: ProcessReadWriteLock
    let write: ProcessReadWriteLock
    let leased: ProcessSemaphore
    let plain: ProcessSemaphore
    let event: ProcessEvent
    let latch: ProcessLatch
    let condition: ProcessCondition
    let barrier: ProcessBarrier
    let once: ProcessOnce
    let election: LeaderElection
    let file: FileLock
    let repairs = Tally()

    init(_ name: String) async throws {
        let repairs = repairs
        self.name = name
        region = try await SyncRegion(at: .named(name), .create)
        mutex = try region.mutex("mutex", of: SyncPair.self, initial: SyncPair(count: 0, double: 0))
        lock = try region.lock("lock", byteCount: 16) { _ in repairs.count.withLock { $0 += 1 } }
        read = try region.readWriteLock("read") { repairs.count.withLock { $0 += 1 } }
        write = try region.readWriteLock("write") { repairs.count.withLock { $0 += 1 } }
        leased = try region.semaphore("leased", .leased, permits: 3)
        plain = try region.semaphore("plain", .plain, permits: 3)
        event = try region.event("event", .automatic)
        latch = try region.latch("latch", count: 1)
        condition = try region.condition("condition")
        barrier = try region.barrier("barrier", parties: 2)
        once = try region.once("once")
        election = try region.election("election")
        file = try FileLock(at: "/dev/shm/\(name).lock", .create)
    }

    static func with(_ body: (Objects) async throws -> Void) async throws {
        try await withWatchdog(.seconds(200)) {
            let name = Interop.freshName()
            defer {
                try? SyncRegion.remove(.named(name))
                try? FileCalls.unlink("/dev/shm/\(name).lock")
            }
            try await body(try await Objects(name))
        }
    }

    /// Whether the object can be taken at this moment. What was taken is let go.
    func isFree(_ kind: String) async throws -> Bool {
        switch kind {
        case "mutex": return try mutex.withLockIfAvailable { _ in true } ?? false
        case "lock":
            let isTaken: Bool? = try lock.withLockIfAvailable { (_) throws(IPCError) in true }
            return isTaken ?? false
        case "read":
            guard let guarded = try read.tryWrite() else { return false }
            try guarded.unlock()
        case "write":
            guard let guarded = try write.tryWrite() else { return false }
            try guarded.unlock()
        case "leased":
            guard try leased.tryTake() else { return false }
            try await leased.give()
        case "barrier": return barrier.memberCount == 0
        case "once": return once.holder == nil
        case "election":
            guard let leadership = try election.tryCampaign() else { return false }
            leadership.resign()
        case "file":
            guard let held = try file.tryLock() else { return false }
            held.release()
        default: Issue.record("unknown kind \(kind)")
        }
        return true
    }

    /// Takes what a process that is gone had, and checks that this is told once, and what it left.
    func takeOver(_ kind: String) async throws {
        let soon = Deadline.after(.seconds(60))
        switch kind {
        case "mutex":
            for expected in [true, false] {
                let guarded = try await mutex.lock(until: soon)
                let (isNews, count) = (guarded.previousOwnerDied, guarded.value.count)
                #expect(isNews == expected)
                #expect(count == 0, "half of a change")
                try guarded.unlock()
            }
        case "lock":
            for expected in [true, false] {
                let guarded = try await lock.lock(until: soon)
                let isNews = guarded.previousOwnerDied
                #expect(isNews == expected)
                try guarded.unlock()
            }
            #expect(repairs.count.withLock { $0 } == 1)
        case "read":
            try await read.write(until: soon) { () throws(IPCError) in }
            #expect(repairs.count.withLock { $0 } == 0)
        case "write":
            for _ in 0..<2 { try await write.read(until: soon) { () throws(IPCError) in } }
            #expect(repairs.count.withLock { $0 } == 1)
        case "leased":
            for _ in 0..<3 { try await leased.take(until: soon) }
            #expect(leased.holders.map(\.processID) == [ProcessFacts.processID])
            for _ in 0..<3 { try await leased.give() }
        case "barrier":
            let party = try await barrier.join(until: soon)
            #expect(await Interop.code { try await party.arrive(until: soon) } == .peerClosed)
            #expect(barrier.isBroken)
            try await barrier.reset()
            #expect(!barrier.isBroken && barrier.memberCount == 1)
            party.leave()
        case "once":
            var told: [Bool] = []
            for _ in 0..<2 {
                try await once.perform(until: soon) { (died: Bool) async throws(IPCError) in told.append(died) }
            }
            #expect(told == [true])
        case "election":
            let leadership = try await election.campaign(until: soon)
            let term = leadership.term
            #expect(term == 2)
            leadership.resign()
        case "file":
            let held = try await file.lock(until: soon)
            held.release()
        default: Issue.record("unknown kind \(kind)")
        }
    }
}

/// What others see when a process that has something ends, in each way that there is.
@Suite(.watched) struct EndTests {
    static let kinds = ["mutex", "lock", "read", "write", "leased", "barrier", "once", "election", "file"]

    @Test(arguments: kinds, ["kill", "exit", "exec", "crash"])
    func whatItHadIsForTheNext(_ kind: String, _ end: String) async throws {
        try await Objects.with { objects in
            let peer = try await Peer.start(
                "object-hold", objects.name, kind, environment: ["SWIFT_BACKTRACE": "enable=no"])
            #expect(try await peer.line() == "held")
            if kind != "barrier" { #expect(try await !objects.isFree(kind)) }
            try await peer.child.standardInput.write("\(end)\n")
            try await objects.takeOver(kind)
            if end == "exec" {
                #expect(try peer.child.exitStatusIfEnded() == nil)
                try await peer.kill()
            }
            let status = try await peer.child.exitStatus(until: .after(.seconds(60)))
            switch end {
            case "exit": #expect(status.isSuccess)
            case "crash": #expect(status.shellCode == 128 + Signal.segmentationFault.rawValue, "\(status)")
            default: #expect(status == .signaled(.kill, coreDumped: false), "\(status)")
            }
        }
    }

    /// A process that is stopped is not dead: nobody takes over, deadlines hold, and it goes on where it was.
    @Test(arguments: kinds.filter { $0 != "barrier" })
    func theStoppedKeepsWhatItHas(_ kind: String) async throws {
        try await Objects.with { objects in
            let peer = try await Peer.start("object-hold", objects.name, kind)
            #expect(try await peer.line() == "held")
            try peer.child.send(.stop)
            let code = await Interop.code { try await objects.wait(for: kind, until: .after(.milliseconds(600))) }
            #expect(code == .timedOut)
            #expect(try await !objects.isFree(kind))
            try peer.child.send(.continue)
            try await peer.child.standardInput.write("free\n")
            #expect(try await peer.line() == "free")
            if kind != "once" { #expect(try await objects.isFree(kind)) } else { #expect(objects.once.isDone) }
            #expect(objects.repairs.count.withLock { $0 } == 0)
            try await peer.kill()
        }
    }

    /// Waiters that are killed take nothing with them, and wake nobody for nothing.
    @Test(arguments: ["event", "latch", "condition", "plain", "mutex", "write", "leased", "election"])
    func killedWaitersAreNotMissed(_ kind: String) async throws {
        try await Objects.with { objects in
            let holder = try await objects.hold(kind)
            var peers: [Peer] = []
            for _ in 0..<3 {
                let peer = try await Peer.start("object-wait", objects.name, kind)
                #expect(try await peer.line() == "waiting")
                peers.append(peer)
            }
            while try objects.waiters(kind) < 3 { try await Task.sleep(for: .milliseconds(1)) }
            for peer in peers { try await peer.kill() }
            let waiting = Task { await Interop.code { try await objects.wait(for: kind, until: .after(.seconds(60))) } }
            try await holder()
            #expect(await waiting.value == nil)
        }
    }
}

extension Objects {
    /// Takes the object and lets go of it.
    func wait(for kind: String, until deadline: Deadline) async throws {
        switch kind {
        case "mutex": try await mutex.withLock(until: deadline) { _ in }
        case "lock": try await lock.withLock(until: deadline) { _ in }
        case "read": try await read.write(until: deadline) { () throws(IPCError) in }
        case "write": try await write.write(until: deadline) { () throws(IPCError) in }
        case "leased":
            try await leased.take(until: deadline)
            try await leased.give()
        case "plain":
            try await plain.take(until: deadline)
            try await plain.give()
        case "once": try await once.perform(until: deadline) { (_: Bool) async throws(IPCError) in }
        case "election": try await election.campaign(until: deadline).resign()
        case "file": try await file.lock(until: deadline).release()
        case "event": try await event.wait(until: deadline)
        case "latch": try await latch.wait(until: deadline)
        case "condition": try await mutex.lock(when: condition, until: deadline) { $0.count > 0 }.unlock()
        default: Issue.record("unknown kind \(kind)")
        }
    }

    /// Makes others wait, until what it returns runs.
    func hold(_ kind: String) async throws -> () async throws -> Void {
        switch kind {
        case "event": return { self.event.set() }
        case "latch": return { try self.latch.countDown() }
        case "condition":
            return {
                try await self.mutex.withLock { $0.count = 1 }
                self.condition.broadcast()
            }
        case "plain":
            for _ in 0..<3 { try await plain.take() }
            return { try await self.plain.give() }
        case "leased":
            for _ in 0..<3 { try await leased.take() }
            return { try await self.leased.give() }
        default: break
        }
        let (begun, end) = (FutexWord(), FutexWord())
        let holding = Task {
            switch kind {
            case "mutex":
                let guarded = try await mutex.lock()
                try await Self.stay(begun, end)
                try guarded.unlock()
            case "write":
                let guarded = try await write.lockForWriting()
                try await Self.stay(begun, end)
                try guarded.unlock()
            default:
                let leadership = try await election.campaign()
                try await Self.stay(begun, end)
                leadership.resign()
            }
        }
        while begun.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
        return {
            end.store(1)
            try await holding.value
        }
    }

    private static func stay(_ begun: FutexWord, _ end: FutexWord) async throws {
        begun.store(1)
        while end.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// How many wait.
    func waiters(_ kind: String) throws -> Int {
        switch kind {
        case "event": event.waiterCount
        case "latch": latch.waiterCount
        case "condition": condition.waiterCount
        case "plain": plain.waiterCount
        case "leased": leased.waiterCount
        case "mutex": mutex.holder?.waiters ?? 0
        case "write": write.writer?.waiters ?? 0
        default: election.leader?.waiters ?? 0
        }
    }
}
