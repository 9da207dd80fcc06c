import Glibc
import IPCSync
import IPCSystem

/// `sync-fairness FOLDER SECONDS`: two processes take a lock again and again, as fast as they can, and a third wants it now
/// and then. Says how long each waited at most, and how often each had it; nobody may starve.
func syncFairness(_ arguments: [String]) async throws -> Int32 {
    let path = "\(arguments[0])/fair"
    let seconds = Double(arguments[1]) ?? 1
    let tally = try StormTally(besides: path)
    let isOver = try tally.word(0)
    var children: [Int32] = []
    defer { for child in children { kill(child, SIGKILL) } }
    for place in 0..<3 {
        children.append(
            try TestingCalls.fork {
                do {
                    try contend(path, place, isOver, longest: tally.word(8 + place), turns: tally.word(16 + place))
                    return 0
                } catch {
                    say("process \(place): \(error)")
                    return 1
                }
            })
    }
    usleep(UInt32(seconds * 1e6))
    isOver.store(1)
    for child in children {
        var status: Int32 = -1
        try require(unsafe waitpid(child, &status, 0) == child && status == 0, "a process ended with \(status)")
    }
    children = []
    let turns = try (0..<3).map { try tally.word(16 + $0).load() }
    let longest = try (0..<3).map { Double(try tally.word(8 + $0).load() / 1000) / 1000 }
    let text = (0..<3).map { "\($0 < 2 ? "greedy" : "modest"): \(turns[$0]) turns, longest wait \(longest[$0]) ms" }
    say("fairness over \(seconds) s: " + text.joined(separator: "; "))
    try require(turns.allSatisfy { $0 > 0 }, "somebody starved")
    try require(turns[0] * 20 > turns[1] && turns[1] * 20 > turns[0], "one of the greedy took it all")
    return 0
}

private func contend(
    _ path: String, _ place: Int, _ isOver: SharedAtomic, longest: SharedAtomic, turns: SharedAtomic
) throws {
    let mutex = try ProcessMutex<UInt64>(blockingAt: .file(path), .openOrCreate, initial: 0)
    var most: UInt64 = 0
    while isOver.load() == 0 {
        if place == 2 { usleep(2000) }
        let start = MonotonicClock.nanoseconds
        let guarded = try mutex.lockBlocking(until: .after(.seconds(60)))
        most = max(most, MonotonicClock.nanoseconds - start)
        guarded.value += 1
        try guarded.unlock()
        turns.wrappingAdd(1)
        longest.store(most)
    }
}

/// `sync-many FOLDER COUNT`: a process dies with that many locks of one region, more than the kernel would follow; each is
/// told to the next owner.
func syncMany(_ arguments: [String]) async throws -> Int32 {
    let path = "\(arguments[0])/many"
    let count = Int(arguments[1]) ?? 1
    let tally = try StormTally(besides: path)
    let held = try tally.progress
    let options = SyncRegionOptions(byteCount: count * 320, maximumObjects: count)
    let holder = try TestingCalls.fork {
        do {
            let region = try SyncRegion(blockingAt: .file(path), .create, options: options)
            for index in 0..<count {
                keepForEver(try region.mutex("m\(index)", initial: SyncPair()).lockBlocking())
            }
            held.store(1)
            while true { pause() }
        } catch {
            say("the holder: \(error)")
            return 1
        }
    }
    var status: Int32 = -1
    while held.load() == 0 {
        try require(unsafe waitpid(holder, &status, WNOHANG) == 0, "the holder ended with \(status)")
        usleep(1000)
    }
    kill(holder, SIGKILL)
    try require(unsafe waitpid(holder, &status, 0) == holder, "waitpid")
    let start = MonotonicClock.nanoseconds
    let region = try SyncRegion(blockingAt: .file(path), .open)
    var told = 0
    for index in 0..<count {
        let mutex = try region.mutex("m\(index)", of: SyncPair.self)
        if try mutex.lockBlocking(until: .after(.seconds(60))).previousOwnerDied { told += 1 }
    }
    try require(told == count, "\(told) of \(count) were told")
    say(
        "many locks: \(told) of \(count) told to the next owner, \((MonotonicClock.nanoseconds - start) / 1_000_000) ms"
    )
    return 0
}
