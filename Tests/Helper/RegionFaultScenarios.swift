import Glibc
import IPCCore
import IPCSharedMemory
import IPCSync
import IPCSystem
import Synchronization

let regionFaultScenarios: [String: Scenario] = [
    "region-faults": regionFaults, "region-look-cut": lookWhileCut,
]

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
    try await failing(named) { _ = try SyncRegion(blockingAt: named, until: .after(.seconds(60))) }
    try await failing(named) { _ = try await SyncRegion(at: named, until: .after(.seconds(60))) }
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

/// NAME: looks at a region of objects, and lists it, while a thread cuts it and makes it whole again.
private func lookWhileCut(_ arguments: [String]) async throws -> Int32 {
    let place = SharedMemoryPlace.named(arguments[0])
    let region = try await SyncRegion(at: place, .create)
    _ = try region.mutex("mutex", initial: UInt64(0))
    let path = "/dev/shm/\(arguments[0])"
    let file = try FileCalls.open(path, .readWrite)
    let size = Int(try FileCalls.status(of: file.number).size)
    let whole = try FileCalls.read(file.number, at: 0, size: size)
    // Another file under the name, so that this process's own part in the region stays whole.
    try SharedMemory.remove(place)
    // Open until this process ends.
    let number = try FileCalls.open(path, [.readWrite, .create, .exclusive]).release()
    final class Sign: Sendable { let isOver = Atomic(false) }
    let sign = Sign()
    startThread {
        var cut = 0
        while !sign.isOver.load(ordering: .relaxed) {
            try? FileCalls.truncate(number, to: cut % 3 == 0 ? 5000 : size / 2)
            try? FileCalls.truncate(number, to: size)
            _ = unsafe whole.withUnsafeBytes { unsafe pwrite(number, $0.baseAddress, $0.count, 0) }
            cut += 1
        }
    }
    var (good, cut) = (0, 0)
    while good + cut < 20_000 || good == 0 || cut == 0 {
        try require(good + cut < 2_000_000, "\(good) good looks and \(cut) at something cut")
        // The list of all regions has this one, whole or not.
        if (good + cut) % 100 == 0 { _ = try SyncRegion.list() }
        do throws(IPCError) {
            let view = try SyncRegionView(at: place)
            _ = (view.objects, view.participants)
            good += 1
        } catch {
            try require([.truncated, .protocolViolation, .wrongMagic].contains(error.code), "\(error)")
            cut += 1
        }
    }
    sign.isOver.store(true, ordering: .relaxed)
    say("cut")
    return 0
}
