import IPCSharedMemory
import IPCSync
import IPCSystem

private func region(_ name: String) async throws -> SyncRegion {
    try await SyncRegion(at: .named(name), .open)
}

private func sleepLong() async throws { try await Task.sleep(for: .seconds(600)) }

/// The other process in tests of the objects of a region.
let syncObjectScenarios: [String: Scenario] = [
    "object-event-wait": { arguments in
        let event = try await region(arguments[0]).event("event", .automatic)
        say("waiting")
        try await event.wait()
        say("passed")
        try await sleepLong()
        return 0
    },
    // Dies in the middle of what is to be done once.
    "object-once-die": { arguments in
        try await region(arguments[0]).once("once").perform { (_: Bool) async throws(IPCError) in
            say("doing")
            TestingCalls.killSelf()
        }
        return 1
    },
    "object-lead": { arguments in
        let election = try await region(arguments[0]).election("election")
        let leadership = try await election.campaign()
        say("leads \(leadership.term)")
        try await sleepLong()
        leadership.resign()
        return 0
    },
    // NAME KIND COUNT
    "object-permits": { arguments in
        let kind: ProcessSemaphore.Kind = arguments[1] == "leased" ? .leased : .plain
        let semaphore = try await region(arguments[0]).semaphore("semaphore", kind, permits: 3)
        for _ in 0..<(Int(arguments[2]) ?? 0) { try await semaphore.take() }
        say("held")
        try await sleepLong()
        return 0
    },
    // NAME: takes and gives until it is killed; two tasks.
    "object-permit-storm": { arguments in
        let semaphore = try await region(arguments[0]).semaphore("semaphore", .leased, permits: 3)
        say("begins")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<100_000_000 {
                        try await semaphore.take()
                        await Task.yield()
                        try await semaphore.give()
                    }
                }
            }
            try await group.waitForAll()
        }
        return 0
    },
    // NAME read|write
    "object-readwrite-hold": { arguments in
        let lock = try await region(arguments[0]).readWriteLock("lock")
        if arguments[1] == "read" {
            let guarded = try await lock.lockForReading()
            say("held")
            try await sleepLong()
            guarded.unlock()
        } else {
            let guarded = try await lock.lockForWriting()
            say("held")
            try await sleepLong()
            try guarded.unlock()
        }
        return 0
    },
    // NAME DATA: reads and writes two numbers that must be the same, until it is killed.
    "object-readwrite-storm": { arguments in
        let data = try SharedMemory(at: .named(arguments[1]), .open)
        let lock = try await readWriteLock(arguments[0], data)
        say("begins")
        for round in 0..<100_000_000 { try await readOrWrite(lock, data, round) }
        return 0
    },
    // NAME PARTIES ROUNDS
    "object-barrier": { arguments in
        let barrier = try await region(arguments[0]).barrier("barrier", parties: Int(arguments[1]) ?? 1)
        let party = try await barrier.join()
        say("joined")
        for _ in 0..<(Int(arguments[2]) ?? 0) { try await party.arrive(until: .after(.seconds(60))) }
        say("done \(barrier.completedRounds)")
        return 0
    },
]

/// The lock of two numbers that a writer makes the same; a writer that dies in between leaves them different.
func readWriteLock(_ name: String, _ data: SharedMemory) async throws -> ProcessReadWriteLock {
    try await region(name).readWriteLock("lock") { try data.store(try data.load(at: 0, as: UInt64.self), at: 64) }
}

func readOrWrite(_ lock: ProcessReadWriteLock, _ data: SharedMemory, _ round: Int) async throws {
    if round % 3 == 0 {
        try await lock.write(until: .after(.seconds(60))) { () throws(IPCError) in
            let value = try data.load(at: 0, as: UInt64.self) + 1
            try data.store(value, at: 0)
            try data.store(value, at: 64)
        }
    } else {
        let (one, other) = try await lock.read(until: .after(.seconds(60))) { () throws(IPCError) in
            (try data.load(at: 0, as: UInt64.self), try data.load(at: 64, as: UInt64.self))
        }
        try require(one == other, "a reader saw \(one) and \(other)")
    }
}
