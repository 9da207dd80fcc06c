import IPCSystem
import Synchronization

/// Wakes those who wait until something is so, each time when it may have become so. What it is about lies elsewhere.
final class ChangeBell: Sendable {
    private struct State {
        var points: [Int: WaitPoint] = [:]
        var last = 0
    }

    private let state = Lock(State())

    /// Lets everybody look again. After the change, and not under its lock.
    func ring() {
        for point in state.withLock({ Array($0.points.values) }) { point.signal() }
    }

    /// Waits until `look` finds something.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, or what `look` throws.
    func wait<Found>(
        until deadline: Deadline = .never, _ doing: StaticString, _ look: () throws(IPCError) -> Found?
    ) async throws(IPCError) -> Found {
        let point = WaitEngine.shared.makeWaitPoint()
        let id = state.withLock { state in
            state.last += 1
            state.points[state.last] = point
            return state.last
        }
        defer { _ = state.withLock { $0.points.removeValue(forKey: id) } }
        // After the point is listed, so that no change is missed.
        var found = try look()
        while found == nil {
            try await point.wait(until: deadline, doing)
            found = try look()
        }
        return found!
    }
}
