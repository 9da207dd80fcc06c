import Glibc
import IPCSharedMemory
import IPCSync
import IPCSystem

let regionFaultScenarios: [String: Scenario] = ["region-faults": regionFaults]

/// NAME KEY: makes regions and what stands on them while one system call after the other fails. Whatever throws has left
/// neither a name nor a segment.
private func regionFaults(_ arguments: [String]) async throws -> Int32 {
    let (named, segment) = (
        SharedMemoryPlace.named(arguments[0]), SharedMemoryPlace.segment(key: Int32(arguments[1])!)
    )
    // A process that cannot start the threads of its executor ends, by design: they are there before.
    await withIPCExecutor { await Task.yield() }
    let layout = RegionLayout("test.faults")
    var options = SharedMemoryOptions(isPrefaulted: true, hugePages: .transparent, isLockedInMemory: true)
    for (place, layout) in [(named, layout), (named, nil), (segment, layout), (segment, nil)] {
        for intent in [CreationIntent.create, .openOrCreate] {
            try await failing(place) {
                _ = try SharedMemory(at: place, intent, byteCount: 8192, layout: layout, options: options)
            }
        }
    }
    options.isLockedInMemory = false
    try await failing(named) { _ = try SharedArena(at: named, byteCount: 1 << 17, options: options) }
    try await failing(named) { _ = try Blackboard<UInt64>.Writer(at: named, .create) }
    try await failing(named) { _ = try Broadcast.Writer(at: named, .create) }
    try await failing(named) { _ = try SyncRegion(blockingAt: named, until: .after(.seconds(20))) }
    try await failing(named) { _ = try await SyncRegion(at: named, until: .after(.seconds(20))) }
    return 0
}

private func failing(_ place: SharedMemoryPlace, _ make: () async throws -> Void) async throws {
    var failures = 0
    for position in 1... {
        let fault = FaultInjection.Fault(nil, errno: ENOMEM, first: position)
        var failure: (any Error)?
        do {
            try await FaultInjection.with([fault], make)
        } catch {
            failure = error
            failures += 1
        }
        let isOver = FaultInjection.tally.failed == 0
        if let failure {
            try require(!isThere(place), "\(place) is left behind at call \(position) after: \(failure)")
        } else {
            try SharedMemory.remove(place)
        }
        if isOver { break }
        try require(position < 1000, "no end of calls")
    }
    try require(failures > 2, "only \(failures) calls could fail for \(place)")
}

private func isThere(_ place: SharedMemoryPlace) -> Bool {
    do throws(IPCError) {
        try SharedMemory.remove(place)
        return true
    } catch {
        return false
    }
}
