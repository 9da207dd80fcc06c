import IPCParticipants
import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct ProcessSemaphoreTests {
    @Test(arguments: [ProcessSemaphore.Kind.leased, .plain]) func permitsAreTakenAndGiven(
        _ kind: ProcessSemaphore.Kind
    ) async throws {
        try await withSyncRegion { _, region in
            let semaphore = try region.semaphore("semaphore", kind, permits: 2)
            #expect(try semaphore.tryTake())
            try await semaphore.take()
            #expect(try !semaphore.tryTake())
            #expect(await Interop.code { try await semaphore.take(until: .after(.milliseconds(20))) } == .timedOut)
            async let third: Void = semaphore.take(until: .after(.seconds(60)))
            while semaphore.waiterCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            try await semaphore.give()
            try await third
            try await semaphore.give()
            try await semaphore.give()
            #expect(semaphore.available == 2)
            if kind == .leased { #expect(await Interop.code { try await semaphore.give() } == .invalidArgument) }
        }
    }

    @Test(arguments: [ProcessSemaphore.Kind.leased, .plain]) func cancelledTakesTakeNothing(
        _ kind: ProcessSemaphore.Kind
    ) async throws {
        try await withSyncRegion { _, region in
            let semaphore = try region.semaphore("semaphore", kind, permits: 1)
            for round in 0..<300 {
                try await semaphore.take()
                let waiting = Task { await Interop.code { try await semaphore.take() } }
                if round % 2 == 0 { await Task.yield() }
                let giving = Task { try await semaphore.give() }
                waiting.cancel()
                try await giving.value
                if await waiting.value == nil { try await semaphore.give() }
                #expect(semaphore.available == 1)
            }
        }
    }

    @Test func leasedPermitsOfTheKilledReturn() async throws {
        try await withSyncRegion { name, region in
            let semaphore = try region.semaphore("semaphore", .leased, permits: 3)
            for _ in 0..<10 {
                try await Interop.whileHelper(["object-permits", name, "leased", "3"], says: "held") { child in
                    #expect(try !semaphore.tryTake())
                    async let all: Void = {
                        for _ in 0..<3 { try await semaphore.take(until: .after(.seconds(60))) }
                    }()
                    _ = try await child.kill()
                    try await all
                    for _ in 0..<3 { try await semaphore.give() }
                }
            }
            #expect(semaphore.available == 3)
        }
    }

    /// Whoever has permits and drops its handles has them still, and gives them through new handles; then it can leave.
    @Test func permitsOutliveTheHandlesToThem() async throws {
        let name = Interop.freshName()
        defer { try? SharedMemory.remove(.named(name)) }
        func takeAndDropEverything() async throws {
            let region = try await SyncRegion(at: .named(name), .openOrCreate)
            try await region.semaphore("semaphore", .leased, permits: 2).take(until: .after(.seconds(60)))
        }
        for _ in 0..<3 {
            try await takeAndDropEverything()
            try await takeAndDropEverything()
            let region = try await SyncRegion(at: .named(name), .open)
            let semaphore = try region.semaphore("semaphore", .leased, .open, permits: 2)
            #expect(semaphore.heldHere == 2 && semaphore.available == 0)
            #expect(semaphore.holders.map(\.processID) == [ProcessFacts.processID])
            try await semaphore.give()
            // One is left, and keeps the place.
            #expect(
                await Interop.code { try await region.participant.detachAndWait(until: .after(.milliseconds(20))) }
                    == .timedOut)
            try await semaphore.give()
            try await region.participant.detachAndWait(until: .after(.seconds(60)))
            #expect(await Interop.code { try await semaphore.give() } == .participantLost)
        }
    }

    /// The documentation says so, and names the other kind.
    @Test func plainPermitsOfTheKilledAreLost() async throws {
        try await withSyncRegion { name, region in
            let semaphore = try region.semaphore("semaphore", .plain, permits: 3)
            try await Interop.whileHelper(["object-permits", name, "plain", "2"], says: "held") { child in
                _ = try await child.kill()
            }
            #expect(semaphore.available == 1)
        }
    }

    @Test func permitsAreConservedWhoeverIsKilled() async throws {
        try await withSyncRegion { name, region in
            let semaphore = try region.semaphore("semaphore", .leased, permits: 3)
            try await stormOfKills(["object-permit-storm", name], kills: 20) {
                try await semaphore.take(until: .after(.seconds(60)))
                try await semaphore.give()
            }
            for _ in 0..<3 { try await semaphore.take(until: .after(.seconds(60))) }
            #expect(try !semaphore.tryTake())
            for _ in 0..<3 { try await semaphore.give() }
        }
    }
}

/// Keeps three of the helper running, kills one after the other at random instants, and does `work` all the while.
func stormOfKills(
    _ arguments: [String], kills: Int, _ work: @escaping @Sendable () async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<3 {
            group.addTask {
                for _ in 0..<(kills + 2) / 3 {
                    try await Interop.whileHelper(arguments, says: "begins") { child in
                        try await Task.sleep(for: .microseconds(Int.random(in: 0..<20_000)))
                        _ = try await child.kill()
                    }
                }
            }
        }
        group.addTask {
            for _ in 0..<500 {
                try await work()
                try await Task.sleep(for: .microseconds(200))
            }
        }
        try await group.waitForAll()
    }
}
