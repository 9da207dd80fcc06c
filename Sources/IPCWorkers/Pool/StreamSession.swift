import IPCSystem
import Synchronization

/// The items of one streaming task between the worker that brings them and the task that takes them.
final class StreamSession: Sendable {
    private struct State {
        var items = ArrayQueue<TaskBytes>()
        var outcome: TaskOutcome?
        /// Taken since the worker was told.
        var taken = 0
    }

    /// Items that may be on their way.
    let window: Int
    let progress: WorkerProgress?
    private let state = Lock(State())
    private let point = WaitEngine.shared.makeWaitPoint()

    init(window: Int, progress: WorkerProgress?) {
        self.window = min(max(1, window), 65_536)
        self.progress = progress
    }

    func deliver(_ item: TaskBytes) {
        state.withLock { $0.items.append(item) }
        point.signal()
    }

    func deliver(_ outcome: TaskOutcome) {
        progress?.completed(0, isFailure: outcome.error != nil)
        state.withLock { $0.outcome = outcome }
        point.signal()
    }

    enum Next: Sendable {
        /// An item, and how many the worker may send more.
        case item(TaskBytes, credit: UInt32)
        case end(TaskOutcome)
    }

    /// Waits for an item, or the end behind the last one. Throws `.cancelled` and `.timedOut`.
    func next(until deadline: Deadline) async throws(IPCError) -> Next {
        while true {
            let next = state.withLock { state -> Next? in
                guard let item = state.items.popFirst() else { return state.outcome.map { .end($0) } }
                state.taken += 1
                guard state.taken * 2 >= window else { return .item(item, credit: 0) }
                defer { state.taken = 0 }
                return .item(item, credit: UInt32(state.taken))
            }
            if let next { return next }
            try await point.wait(until: deadline, "wait for an element of a task")
        }
    }
}
