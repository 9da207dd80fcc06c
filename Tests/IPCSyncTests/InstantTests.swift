import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Processes that die between two steps: nobody waits for what they were about to do.
@Suite(.watched) struct InstantTests {
    /// A process that does `what` and is to die at a point on the way.
    private func start(_ objects: Objects, _ what: String, at point: String) async throws -> Peer {
        try await Peer.start(
            "object-touch", objects.name, what, environment: [KillPoints.variable: "\(point):1"])
    }

    private func expectKilled(_ peer: Peer, _ point: String) async throws {
        let status = try await peer.child.exitStatus(until: .after(.seconds(60)))
        #expect(status == .signaled(.kill, coreDumped: false), "\(point): \(status)")
    }

    /// It has changed what others wait for, and dies before it wakes them: its death does.
    @Test(
        arguments: [
            ("set", "sync-event-set"), ("count", "sync-latch-counted"), ("give-plain", "sync-semaphore-given"),
            ("give-leased", "sync-lease-given"), ("give-leased", "sync-lease-before-wake"),
            ("read", "sync-reader-gone"), ("arrive", "sync-barrier-completed"), ("signal", "sync-signal-counted"),
            ("lead", "sync-unlock-exchanged"), ("once", "sync-once-before-done"),
        ], [false, true])
    func betweenAChangeAndItsWakeUp(_ step: (what: String, point: String), _ blocking: Bool) async throws {
        try await Objects.with { objects in
            let peer = try await start(objects, step.what, at: step.point)
            #expect(try await peer.line() == "ready")
            if step.what == "once" {
                try await peer.go()
                #expect(try await peer.line() == "doing")
            }
            // A process without a backstop: it is woken, or it waits for ever.
            let waiter = try await Peer.start(
                blocking ? "object-await-blocking" : "object-await", objects.name, step.what)
            #expect(try await waiter.line() == "waiting")
            while try objects.waiters(for: step.what) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try await peer.go()
            try await expectKilled(peer, step.point)
            #expect(try await waiter.line() == "passed", "\(step)")
            #expect(try await waiter.child.exitStatus(until: .after(.seconds(60))).isSuccess)
        }
    }

    /// It dies as it takes, waits or leaves: what it had comes back, and nobody is missed.
    @Test(arguments: [
        ("take", "sync-lease-taken"), ("take", "sync-lease-sleeps"), ("take", "sync-lease-added-up"),
        ("take", "sync-unlock-begins"), ("read", "sync-reader-counted"), ("write", "sync-writer-looks"),
        ("write", "sync-recovery-begins"), ("arrive", "sync-barrier-arrived"), ("arrive", "sync-barrier-broken"),
        ("lead", "sync-take-over-begins"), ("lead", "sync-take-over-done"),
    ])
    func betweenTwoStepsOfTaking(_ what: String, _ point: String) async throws {
        try await Objects.with { objects in
            let isSleeper = point == "sync-lease-sleeps"
            if isSleeper { for _ in 0..<3 { try await objects.leased.take() } }
            // One that has died before, for those who add up, take over, repair and break.
            let before = ["take": "leased", "write": "write", "arrive": "barrier", "lead": "election"][what]
            let needsDead = !["sync-lease-taken", "sync-barrier-arrived", "sync-lease-sleeps"].contains(point)
            if let before, needsDead {
                let dead = try await Peer.start("object-hold", objects.name, before)
                #expect(try await dead.line() == "held")
                try await dead.kill()
            }
            let peer = try await start(objects, what, at: point)
            // Some die while they prepare themselves.
            if try await peer.child.standardOutput.readLine(until: .after(.seconds(60))) == "ready" {
                try await peer.go()
            }
            try await expectKilled(peer, point)
            if isSleeper { for _ in 0..<3 { try await objects.leased.give() } }
            let soon = Deadline.after(.seconds(60))
            switch what {
            case "take":
                for _ in 0..<3 { try await objects.leased.take(until: soon) }
                #expect(try !objects.leased.tryTake())
                for _ in 0..<3 { try await objects.leased.give() }
                #expect(objects.leased.available == 3)
            case "read":
                try await objects.read.write(until: soon) { () throws(IPCError) in }
                #expect(objects.read.readerCount == 0)
            case "write":
                try await objects.write.write(until: soon) { () throws(IPCError) in }
                #expect(objects.repairs.count.withLock { $0 } == 1)
            case "arrive":
                let party = try await objects.barrier.join(until: soon)
                #expect(await Interop.code { try await party.arrive(until: soon) } == .peerClosed)
                try await objects.barrier.reset()
                #expect(objects.barrier.memberCount == 1 && !objects.barrier.isBroken)
                party.leave()
            default:
                let leadership = try await objects.election.campaign(until: soon)
                let term = leadership.term
                #expect(term >= 2)
                leadership.resign()
            }
        }
    }

    /// An object that was being made is made by the next one; the room is lost, and nothing else.
    @Test func aMakerThatDiesLeavesNoHalfObject() async throws {
        try await Objects.with { objects in
            let before = Set(objects.region.names)
            let peer = try await start(objects, "make", at: "sync-object-made")
            #expect(try await peer.line() == "ready")
            try await peer.go()
            try await expectKilled(peer, "sync-object-made")
            #expect(Set(objects.region.names) == before)
            #expect(await Interop.code { _ = try objects.region.mutex("new", of: Int.self) } == .notFound)
            let mutex = try objects.region.mutex("new", of: Int.self, initial: 5)
            let value = try await mutex.withLock(until: .after(.seconds(60))) { $0 }
            #expect(value == 5)
        }
    }

    /// C programs die there, too, and the kernel tells nobody: who waits looks again by itself.
    @Test(arguments: [false, true]) func betweenAPostAndItsWakeUp(_ blocking: Bool) async throws {
        try await Objects.with { objects in
            let semaphore = try POSIXSemaphore(named: objects.name, .create)
            defer { try? POSIXSemaphore.remove(named: objects.name) }
            let waiting = Task {
                await Interop.code {
                    if blocking {
                        try await onThread { try semaphore.waitBlocking() }
                    } else {
                        try await semaphore.wait()
                    }
                }
            }
            while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            let peer = try await start(objects, "post", at: "posix semaphore posted")
            #expect(try await peer.line() == "ready")
            try await peer.go()
            try await expectKilled(peer, "posix semaphore posted")
            #expect(await waiting.value == nil)
            #expect(semaphore.value == 0 && semaphore.waiterCount == 0)
        }
    }
}

extension Objects {
    /// Whether that wait has begun.
    func waiters(for what: String) throws -> Int {
        switch what {
        case "set": event.waiterCount
        case "count": latch.waiterCount
        case "give-plain": plain.waiterCount
        case "give-leased": leased.waiterCount
        case "read": read.writer == nil ? 0 : 1
        case "arrive": barrier.arrivedCount
        case "signal": condition.waiterCount
        // It counts before it says in the word that it sleeps, and the leader looks at the word alone.
        case "lead": election.leader?.heldForAtLeast == nil ? 0 : 1
        default: once.holder?.waiters ?? 0
        }
    }
}
