import IPCProcess
import IPCSync
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct BarrierTests {
    @Test func roundsOfSeveralProcessesAreComplete() async throws {
        try await withSyncRegion { name, region in
            let barrier = try region.barrier("barrier", parties: 4)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 { group.addTask { try await Interop.helper("object-barrier", name, "4", "200") } }
                for _ in 0..<2 {
                    group.addTask {
                        let party = try await barrier.join()
                        for round in 0..<200 {
                            try await party.arrive(until: .after(.seconds(60)))
                            #expect(barrier.completedRounds >= round + 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(barrier.completedRounds == 200)
            #expect(!barrier.isBroken)
        }
    }

    @Test func aKilledPartyBreaksTheRoundForAll() async throws {
        try await withSyncRegion { name, region in
            let barrier = try region.barrier("barrier", parties: 3)
            let parties = [try await barrier.join(), try await barrier.join()]
            for _ in 0..<5 {
                try await Interop.whileHelper(["object-barrier", name, "3", "2"], says: "joined") { child in
                    #expect(await Interop.code { _ = try await barrier.join() } == .busy)
                    let waiting = parties.map { party in
                        Task { await Interop.code { try await party.arrive(until: .after(.seconds(60))) } }
                    }
                    for wait in waiting { #expect(await wait.value == nil) }
                    let first = Task { await Interop.code { try await parties[0].arrive(until: .after(.seconds(60))) } }
                    try await Task.sleep(for: .milliseconds(5))
                    _ = try await child.kill()
                    #expect(await first.value == .peerClosed)
                    #expect(
                        await Interop.code { try await parties[1].arrive(until: .after(.seconds(60))) } == .peerClosed)
                }
                #expect(barrier.isBroken)
                try await barrier.reset()
                #expect(!barrier.isBroken)
            }
        }
    }

    @Test func whoGivesUpHasNotArrived() async throws {
        try await withSyncRegion { _, region in
            let barrier = try region.barrier("barrier", parties: 2)
            let one = try await barrier.join()
            let other = try await barrier.join()
            #expect(await Interop.code { try await one.arrive(until: .after(.milliseconds(20))) } == .timedOut)
            let cancelled = Task { await Interop.code { try await one.arrive() } }
            try await Task.sleep(for: .milliseconds(10))
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            #expect(await Interop.code { try await other.arrive(until: .after(.milliseconds(20))) } == .timedOut)
            async let first: Void = one.arrive(until: .after(.seconds(60)))
            try await other.arrive(until: .after(.seconds(60)))
            try await first
            #expect(barrier.completedRounds == 1)
            one.leave()
            #expect(barrier.memberCount == 1)
            #expect(await Interop.code { try await one.arrive() } == .closed)
            #expect(await Interop.code { _ = try region.barrier("barrier", parties: 3) } == .typeMismatch)
        }
    }

    /// Parties of one process share a cell, and who leaves takes no lock.
    @Test func whoJoinsWhileOthersLeaveIsNotLost() async throws {
        try await withSyncRegion { _, region in
            let barrier = try region.barrier("barrier", parties: 4)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await onThread {
                            for _ in 0..<1000 { try barrier.joinBlocking(until: .after(.seconds(60))).leave() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(barrier.memberCount == 0)
        }
    }

    @Test func oneArrivalAtATimeCounts() async throws {
        try await withSyncRegion { _, region in
            let barrier = try region.barrier("barrier", parties: 2)
            let (one, other) = (try await barrier.join(), try await barrier.join())
            let waiting = Task { await Interop.code { try await one.arrive(until: .after(.seconds(60))) } }
            while barrier.arrivedCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(await Interop.code { try await one.arrive(until: .after(.seconds(60))) } == .busy)
            #expect(
                await Interop.code { try await onThread { try one.arriveBlocking(until: .after(.seconds(60))) } }
                    == .busy)
            #expect(barrier.completedRounds == 0 && barrier.arrivedCount == 1)
            try await other.arrive(until: .after(.seconds(60)))
            #expect(await waiting.value == nil)
            #expect(barrier.completedRounds == 1)
            one.leave()
            other.leave()
        }
    }

    /// A round is never complete with the arrival of a party that has left.
    @Test(arguments: ["task", "thread"]) func whoLeavesTakesItsArrivalAlong(_ form: String) async throws {
        try await withSyncRegion { _, region in
            let barrier = try region.barrier("barrier", parties: 2)
            for _ in 0..<5 {
                let (one, other) = (try await barrier.join(), try await barrier.join())
                let waiting = Task {
                    await Interop.code {
                        let end = Deadline.after(.seconds(60))
                        if form == "task" { return try await one.arrive(until: end) }
                        try await onThread { try one.arriveBlocking(until: end) }
                    }
                }
                while barrier.arrivedCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
                one.leave()
                #expect(await waiting.value == .closed)
                #expect(barrier.arrivedCount == 0 && barrier.memberCount == 1)
                #expect(await Interop.code { try await other.arrive(until: .after(.milliseconds(20))) } == .timedOut)
                #expect(barrier.completedRounds == 0)
                other.leave()
                #expect(barrier.memberCount == 0)
            }
        }
    }
}
