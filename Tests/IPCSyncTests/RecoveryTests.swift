import IPCProcess
import IPCSync
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// Repairs that are killed, and repairs that fail, of what is no `ProcessLock`: see `DeathTests.swift` for that.
@Suite(.watched) struct OtherRecoveryTests {
    /// Killed in the recovery, twice: the next one recovers.
    @Test func whoDiesInTheRepairOfAReadWriteLockLeavesItToTheNext() async throws {
        try await Objects.with { objects in
            let holder = try await Peer.start("object-hold", objects.name, "write")
            #expect(try await holder.line() == "held")
            try await holder.kill()
            for _ in 0..<2 {
                let stopped = try await Peer.start("object-recover", objects.name, "stop")
                #expect(try await stopped.line() == "recovering")
                #expect(try await !objects.isFree("write"))
                try await stopped.kill()
            }
            #expect(try await expectScenario("object-recover", objects.name, "go") == "recovering\nwritten\n")
            #expect(try await expectScenario("object-recover", objects.name, "go") == "written\n")
            #expect(objects.repairs.count.withLock { $0 } == 0)
        }
    }

    /// A recovery that throws: `.poisoned` for all, in all processes and forms, until somebody repairs it.
    @Test func aRepairOfAReadWriteLockThatThrowsPoisonsIt() async throws {
        try await Objects.with { objects in
            let holder = try await Peer.start("object-hold", objects.name, "write")
            #expect(try await holder.line() == "held")
            try await holder.kill()
            let lock = objects.write
            #expect(try await expectScenario("object-recover", objects.name, "throw").contains("poisoned"))
            #expect(try await expectScenario("object-recover", objects.name, "go").contains("poisoned"))
            #expect(lock.isPoisoned)
            let soon = Deadline.after(.seconds(60))
            #expect(await Interop.code { try await lock.read(until: soon) { () throws(IPCError) in } } == .poisoned)
            #expect(await Interop.code { try await lock.write(until: soon) { () throws(IPCError) in } } == .poisoned)
            #expect(await Interop.code { _ = try lock.tryRead() } == .poisoned)
            #expect(await Interop.code { _ = try lock.tryWrite() } == .poisoned)
            try await onThread { try lock.repairBlocking { () throws(IPCError) in } }
            #expect(!lock.isPoisoned)
            #expect(try await expectScenario("object-recover", objects.name, "go") == "written\n")
            // No recovery of this process ran: that of the peer had failed.
            #expect(objects.repairs.count.withLock { $0 } == 0)
        }
    }

    @Test func whoDiesInWhatIsDoneOnceLeavesItToTheNext() async throws {
        try await Objects.with { objects in
            for round in 0..<3 {
                let peer = try await Peer.start("object-once-stop", objects.name)
                #expect(try await peer.line() == "doing \(round > 0)")
                #expect(objects.once.holder?.processID == peer.child.processID)
                #expect(try objects.once.performIfAvailable { (_: Bool) throws(IPCError) in } == nil)
                try await peer.kill()
            }
            var told: [Bool] = []
            let soon = Deadline.after(.seconds(60))
            try await objects.once.perform(until: soon) { (died: Bool) async throws(IPCError) in told.append(died) }
            #expect(told == [true])
            #expect(try objects.once.performIfAvailable { (_: Bool) throws(IPCError) in } == false)
        }
    }

    /// The blocking forms that have no test of their own elsewhere.
    @Test func blockingFormsDoAsTheOthers() async throws {
        try await Objects.with { objects in
            let seen = try await onThread {
                let one = try objects.write.writeBlocking { () throws(IPCError) in 1 }
                let two = try objects.write.readBlocking { () throws(IPCError) in objects.write.readerCount + 1 }
                let three = try objects.leased.withPermitBlocking { () throws(IPCError) in
                    (objects.leased.heldHere ?? 0) + 2
                }
                let party = try objects.barrier.joinBlocking()
                defer { party.leave() }
                return [one, two, three, objects.barrier.memberCount + 3]
            }
            #expect(seen == [1, 2, 3, 4])
            #expect(objects.barrier.memberCount == 0 && objects.leased.heldHere == 0)
            let leadership = try await objects.election.campaign()
            let notice = leadership.notice
            let told = Task { try await onThread { try notice.waitBlocking(until: .after(.seconds(60))) } }
            objects.election.requestResignation()
            try await told.value
            leadership.resign()
            let peer = try await Peer.start("object-hold", objects.name, "barrier")
            #expect(try await peer.line() == "held")
            let party = try await objects.barrier.join()
            try await peer.kill()
            let code = await Interop.code {
                try await onThread { try party.arriveBlocking(until: .after(.seconds(60))) }
            }
            #expect(code == .peerClosed)
            try await onThread { try objects.barrier.resetBlocking() }
            #expect(!objects.barrier.isBroken)
            party.leave()
        }
    }
}
