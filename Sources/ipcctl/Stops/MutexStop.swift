import IPCProcess
import IPCSync

/// A value that both processes change under a mutex. The second one is killed in the middle of a change: the first, which
/// waits for the mutex, gets it, is told, and finds the value as it was before that change.
struct MutexStop: TourStop {
    let mechanism = "mutex"

    private static let changes = 20_000

    private struct Found: Sendable, Equatable {
        var previousOwnerDied: Bool
        var value: TourPair
    }

    func visit(until deadline: Deadline) async throws -> TourResult {
        try await SyncPeer.visit(self) { region, child in
            let mutex = try region.mutex("pair", initial: TourPair())
            for _ in 0..<Self.changes { try await Self.change(mutex, until: deadline) }
            try region.event("go on", .manual).set()
            try await region.event("in the middle", .manual).wait(until: deadline)
            // The second process has made its changes, has the mutex, and is in the middle of one more.
            let committed = TourPair(number: 2 * Self.changes, double: 4 * Self.changes)
            var result = TourResult(messagesChecked: 2 * Self.changes)
            result.deathNotice = try await SyncPeer.noticeDeath(of: child, in: region, until: deadline) {
                await Self.take(mutex, until: deadline)
            } expected: {
                $0 == .success(Found(previousOwnerDied: true, value: committed))
            }
            let after = await Self.take(mutex, until: deadline)
            try require(
                after == .success(Found(previousOwnerDied: false, value: committed)),
                "after the recovery the mutex gave \(after)")
            return result
        }
    }

    private static func change(_ mutex: ProcessMutex<TourPair>, until deadline: Deadline) async throws {
        let isWhole = try await mutex.withLock(until: deadline) { pair in
            pair.advance()
            return pair.isWhole
        }
        try require(isWhole, "half of a change was seen")
    }

    private static func take(
        _ mutex: ProcessMutex<TourPair>, until deadline: Deadline
    ) async -> Result<Found, IPCError> {
        do throws(IPCError) {
            let guarded = try await mutex.lock(until: deadline)
            return .success(Found(previousOwnerDied: guarded.previousOwnerDied, value: guarded.value))
        } catch {
            return .failure(error)
        }
    }

    func serve(_ arguments: [String]) async throws {
        let region = try await SyncPeer.region(arguments)
        let mutex = try region.mutex("pair", of: TourPair.self)
        for _ in 0..<Self.changes { try await Self.change(mutex, until: .never) }
        try await region.event("go on", .manual).wait()
        let guarded = try await mutex.lock()
        guarded.value.number += 1_000_000
        try await SyncPeer.stay(in: region)
        guarded.value.double += 2_000_000
    }
}
