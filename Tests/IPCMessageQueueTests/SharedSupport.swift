import IPCMessageQueue
import IPCProcess
import IPCSharedMemory
import IPCSystem
import Testing

/// A named shared queue of its own for `body`, removed afterwards.
func withSharedQueue<Result>(
    _ options: SharedQueueOptions = SharedQueueOptions(),
    _ body: (SharedQueue, SharedMemoryPlace) async throws -> Result
) async throws -> Result {
    try await withNamedQueue(options) { queue, name in try await body(queue, .named(name)) }
}

/// The same with its name alone.
func withNamedQueue<Result>(
    _ options: SharedQueueOptions = SharedQueueOptions(), _ body: (SharedQueue, String) async throws -> Result
) async throws -> Result {
    let name = "ipc-test-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
    let place = SharedMemoryPlace.named(name)
    let queue = try await SharedQueue(at: place, .create, options: options)
    defer {
        queue.close()
        try? SharedQueue.remove(place)
    }
    return try await body(queue, name)
}

/// A folder of its own for `body`, removed with what is in it.
func withQueueFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/ipc-queue-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
    try FileCalls.makeDirectory(path, permissions: 0o700)
    do {
        let result = try await body(path)
        _ = try? await Command("rm", "-rf", path).output()
        return result
    } catch {
        _ = try? await Command("rm", "-rf", path).output()
        throw error
    }
}

/// What a lease's body throws to give a message back.
struct GivenBack: Error {}

/// The error of whichever of the two failed.
func channelCode(_ body: () async throws(ChannelBodyError<GivenBack>) -> Void) async -> IPCError.Code? {
    do {
        try await body()
        return nil
    } catch {
        if case .channel(let error) = error { return error.code }
        return nil
    }
}

extension SharedQueue {
    /// Looks until the queue is as it must become once a death is known here; what it was last, if it does not. A leak fails.
    func statusOnce(_ isRight: (SharedQueueStatus) -> Bool) async throws -> SharedQueueStatus {
        let end = Deadline.after(.seconds(60))
        var found = try await status()
        while !isRight(found), !end.hasPassed {
            try await Task.sleep(for: .milliseconds(1))
            found = try await status()
        }
        return found
    }

    /// Takes a message under a lease and gives it back. Nil when none is there.
    func giveBack(_ selection: QueueSelection = .any) async throws -> LeasedMessage? {
        var seen: LeasedMessage?
        do throws(ChannelBodyError<GivenBack>) {
            try await withLease(selection, until: .after(.milliseconds(50))) { message throws(GivenBack) in
                seen = message
                throw GivenBack()
            }
        } catch {
            if case .channel(let error) = error, error.code != .timedOut { throw error }
        }
        return seen
    }
}
