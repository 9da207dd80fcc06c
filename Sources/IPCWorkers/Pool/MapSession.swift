import IPCSystem
import Synchronization

/// The results of one `map` between the workers that bring them and the task that takes them.
final class MapSession: Sendable {
    typealias Result = (index: Int, outcome: TaskOutcome)

    private struct State {
        /// What is ready to be taken, in the order in which it is to be taken.
        var ready: [Result] = []
        /// In order alone: what came early, by its distance from `nextIndex`.
        var early: [TaskOutcome?] = []
        var nextIndex = 0
    }

    let progress: WorkerProgress?
    private let isOrdered: Bool
    private let state = Lock(State())
    private let point = WaitEngine.shared.makeWaitPoint()

    init(isOrdered: Bool, progress: WorkerProgress? = nil) {
        self.isOrdered = isOrdered
        self.progress = progress
    }

    /// Brings results, each index once.
    func deliver(_ results: [Result]) {
        if let progress {
            for result in results { progress.completed(result.index, isFailure: result.outcome.error != nil) }
        }
        let isReady = state.withLock { state in
            if isOrdered {
                for result in results { Self.sortIn(result, &state) }
            } else {
                state.ready += results
            }
            return !state.ready.isEmpty
        }
        if isReady { point.signal() }
    }

    private static func sortIn(_ result: Result, _ state: inout State) {
        let distance = result.index - state.nextIndex
        guard distance == 0, state.early.isEmpty else {
            while state.early.count <= distance { state.early.append(nil) }
            state.early[distance] = result.outcome
            var count = 0
            while count < state.early.count, let outcome = state.early[count] {
                state.ready.append((state.nextIndex + count, outcome))
                count += 1
            }
            state.early.removeFirst(count)
            state.nextIndex += count
            return
        }
        // The usual case: it is the next one, and nothing came early.
        state.ready.append(result)
        state.nextIndex += 1
    }

    /// Takes what is ready.
    func take() -> [Result] {
        state.withLock { state in
            let ready = state.ready
            state.ready = []
            return ready
        }
    }

    /// Has whoever waits look again.
    func wake() { point.signal() }

    /// Waits until something may be ready. Throws `.cancelled`.
    func wait() async throws(IPCError) {
        try await point.wait(until: .never, "wait for results of tasks")
    }
}
