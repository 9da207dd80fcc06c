import IPCProcess
import IPCSharedMemory
import IPCSync
import IPCSystem
import TestSupport
import Testing

@Suite(.watched) struct PthreadMutexTests {
    private struct Unrepairable: Error {}

    private func withMutex(_ body: (String, SharedMemory, PthreadMutex) async throws -> Void) async throws {
        let name = Interop.freshName()
        let region = try SharedMemory(at: .named(name), .create, byteCount: 256)
        defer { try? SharedMemory.remove(.named(name)) }
        try await body(name, region, try PthreadMutex(in: region, at: 64))
    }

    @Test func aKilledOwnersLockIsRecovered() async throws {
        try await withMutex { name, _, mutex in
            for _ in 0..<5 {
                try await Interop.whileHelper(["pthread-hold", name, "hold"], says: "held") { child in
                    #expect(
                        await Interop.code {
                            try await mutex.withLock(until: .after(.milliseconds(20))) { () throws(IPCError) in }
                        } == .timedOut)
                    _ = try await child.kill()
                    var repairs = 0
                    for _ in 0..<2 {
                        try await mutex.withLock(
                            until: .after(.seconds(60)), recovering: { () throws(IPCError) in repairs += 1 },
                            { () throws(IPCError) in })
                    }
                    #expect(repairs == 1)
                }
            }
        }
    }

    @Test(arguments: ["exit", "crash", "exec"]) func eachEndIsRecovered(_ end: String) async throws {
        try await withMutex { name, _, mutex in
            let peer = try await Peer.start(
                "pthread-hold-until", name, environment: ["SWIFT_BACKTRACE": "enable=no"])
            #expect(try await peer.line() == "held")
            try await peer.child.standardInput.write("\(end)\n")
            var repairs = 0
            for _ in 0..<2 {
                try await mutex.withLock(
                    until: .after(.seconds(60)), recovering: { () throws(IPCError) in repairs += 1 },
                    { () throws(IPCError) in })
            }
            #expect(repairs == 1)
            if end == "exec" { try await peer.kill() }
            _ = try await peer.child.exitStatus(until: .after(.seconds(60)))
        }
    }

    /// F4: who dies in the repair passes it on.
    @Test func deathInTheRepairIsToldAgain() async throws {
        try await withMutex { name, _, mutex in
            try await Interop.whileHelper(["pthread-hold", name, "hold"], says: "held") { _ in }
            try await Interop.whileHelper(["pthread-hold", name, "repair"], says: "repairing") { child in
                let status = try await child.exitStatus(until: .after(.seconds(60)))
                #expect(!status.isSuccess)
            }
            var repairs = 0
            try await mutex.withLock(
                until: .after(.seconds(60)), recovering: { () throws(IPCError) in repairs += 1 },
                { () throws(IPCError) in })
            #expect(repairs == 1)
        }
    }

    /// F4: a repair that fails is an error for all, again and again, and never a hang. glibc 2.36 leaves such a mutex
    /// locked after pthread_mutex_trylock(3).
    @Test func aRepairThatFailsPoisons() async throws {
        try await withMutex { name, _, mutex in
            try await Interop.whileHelper(["pthread-hold", name, "hold"], says: "held") { _ in }
            await #expect(throws: ChannelBodyError<Unrepairable>.self) {
                try await mutex.withLock(
                    until: .after(.seconds(60)),
                    recovering: { () throws(Unrepairable) in throw Unrepairable() }, { () throws(Unrepairable) in })
            }
            for _ in 0..<3 {
                #expect(await Interop.code { try await mutex.withLock { () throws(IPCError) in } } == .poisoned)
                #expect(await Interop.code { _ = try mutex.tryLock() } == .poisoned)
            }
        }
    }

    @Test func processesThatCountLoseNothing() async throws {
        try await withMutex { name, region, mutex in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try await Interop.helper("pthread-count", name, "2000") } }
                try await group.waitForAll()
            }
            #expect(try region.load(at: 0, as: UInt64.self) == 6000)
        }
    }

    @Test func misuseIsATypedError() async throws {
        try await withMutex { _, region, mutex in
            // No suspension between these: they are about one thread.
            func onOneThread() throws {
                #expect(try mutex.tryLock() == .locked)
                #expect(throws: IPCError.self) { try mutex.markConsistent() }
                do throws(IPCError) {
                    _ = try mutex.lockBlocking()
                    Issue.record("locked twice")
                } catch {
                    #expect(error.code == .busy)
                }
                try mutex.unlock()
                do throws(IPCError) {
                    try mutex.unlock()
                    Issue.record("unlocked twice")
                } catch {
                    #expect(error.code == .invalidArgument)
                }
            }
            try onOneThread()
            #expect(await Interop.code { _ = try PthreadMutex(in: region, at: 250) } == .invalidArgument)
        }
    }
}
