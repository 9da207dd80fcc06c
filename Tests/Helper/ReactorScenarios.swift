import Glibc
import IPCSockets
import Synchronization

let reactorScenarios: [String: Scenario] = ["reactor-storm": reactorStorm]

/// `reactor-storm CYCLES`: 200 tasks open, use and close channels, so that descriptor numbers and registrations are used
/// again all the time. Each channel carries its own number: a message that comes to another channel is a wrong number.
/// Some receives wait when their channel is closed, some are cancelled. Then the poller watches no more than before.
private func reactorStorm(_ arguments: [String]) async throws -> Int32 {
    let cycles = UInt64(arguments[0]) ?? 0
    try await cycle(0)
    let before = try watchedDescriptors()
    let next = Atomic<UInt64>.Counter()
    try await withThrowingTaskGroup { group in
        for _ in 0..<200 {
            group.addTask {
                while case let number = next.value.wrappingAdd(1, ordering: .relaxed).newValue, number <= cycles {
                    try await cycle(number)
                }
            }
        }
        try await group.waitForAll()
    }
    // A task lets go of what it used a moment after its value is there.
    var after = try watchedDescriptors()
    for _ in 0..<10_000 where after > before {
        // Not a task's sleep: the runtime would have its own poller watch a timer for that.
        await withCheckedContinuation { continuation in
            startThread {
                usleep(2000)
                continuation.resume()
            }
        }
        after = try watchedDescriptors()
    }
    try require(after <= before, "the poller watches \(after) descriptors instead of \(before)")
    say("\(cycles) cycles, no wrong number")
    return 0
}

private func cycle(_ number: UInt64) async throws {
    let (near, far) = try SocketChannel.makePair()
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    // It waits: the message comes later.
    async let received = far.receive()
    if number % 3 == 0 { await Task.yield() }
    try await near.send(bytes)
    let message = try await received
    try require(message == bytes, "channel \(number) received \(message as Any)")
    switch number % 4 {
    case 0:
        // The peer goes while a receive waits.
        let waiting = Task { try await far.receive() }
        await Task.yield()
        near.close()
        try await expect(.peerClosed, from: waiting)
    case 1:
        // The channel is closed under a receive that waits.
        let waiting = Task { try await far.receive() }
        await Task.yield()
        far.close()
        try await expect(.closed, from: waiting)
    case 2:
        let waiting = Task { try await far.receive() }
        await Task.yield()
        waiting.cancel()
        try await expect(.cancelled, from: waiting)
    default:
        try await near.finish()
        let end = try await far.receive()
        try require(end == nil, "channel \(number) received \(end as Any) after the end")
    }
}

private func expect(_ code: IPCError.Code, from task: Task<[UInt8]?, any Error>) async throws {
    do {
        let message = try await task.value
        throw Wrong("\(code) was to come, and it was \(message as Any)")
    } catch let error as IPCError {
        try require(error.code == code, "\(code) was to come, and it was \(error)")
    }
}

/// How many descriptors the pollers of this process watch, by /proc/self/fdinfo.
private func watchedDescriptors() throws -> Int {
    var count = 0
    for number in 0..<Int32(64) {
        guard let file = unsafe fopen("/proc/self/fdinfo/\(number)", "r") else { continue }
        var line = [CChar](repeating: 0, count: 256)
        while unsafe fgets(&line, 256, file) != nil {
            if unsafe strncmp(line, "tfd:", 4) == 0 { count += 1 }
        }
        unsafe fclose(file)
    }
    return count
}

extension Atomic where Value == UInt64 {
    /// An atomic number that closures can share.
    final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }
}
