import IPCProcess
import IPCSync

/// Two numbers that belong together: whoever sees them at odds sees half of a change.
struct TourPair: PlainData, Equatable {
    var number = 0
    /// Always twice the number.
    var double = 0

    var isWhole: Bool { double == 2 * number }

    mutating func advance() { self = TourPair(number: number + 1, double: double + 2) }
}

/// A region of locks that the two processes of a stop share by its name, which is gone when the stop is over.
enum SyncPeer {
    static func visit(
        _ stop: some TourStop, _ body: (SyncRegion, ChildProcess) async throws -> TourResult
    ) async throws -> TourResult {
        let name = "ipcctl-tour-\(UInt64.random(in: .min ... .max))"
        defer { try? SharedMemory.remove(.named(name)) }
        let region = try await SyncRegion(at: .named(name), .create)
        let child = try await Tour.startPeer(of: stop, arguments: [name])
        return try await withPeer(child) { child in try await body(region, child) }
    }

    /// The same region in the second process.
    static func region(_ arguments: [String]) async throws(IPCError) -> SyncRegion {
        try await SyncRegion(at: .named(arguments[0]), .open)
    }

    /// Says that the second process is in the middle of what it is to be killed in, and stays there.
    static func stay(in region: SyncRegion) async throws {
        try region.event("in the middle", .manual).set()
        try await Task.sleep(for: .seconds(600))
    }

    /// Kills the second process when it has said that it is in the middle, and measures how long what it had stays away.
    static func noticeDeath<Outcome: Sendable>(
        of child: ChildProcess, in region: SyncRegion, until deadline: Deadline,
        wait: @escaping @Sendable () async -> Outcome, expected: (Outcome) -> Bool
    ) async throws -> Duration {
        let event = try region.event("in the middle", .manual)
        return try await Death.notice(
            of: child, ready: { try await event.wait(until: deadline) }, wait: wait, expected: expected)
    }
}

/// What `body` throws; nil when it comes to its end.
func failure(_ body: () async throws(IPCError) -> Void) async -> IPCError? {
    do throws(IPCError) {
        try await body()
        return nil
    } catch {
        return error
    }
}
