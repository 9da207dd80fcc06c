import IPCSystem
import Synchronization

/// One task that one caller waits for.
final class SingleTask: Sendable {
    let progress: WorkerProgress?
    private let outcome = Lock<TaskOutcome?>(nil)
    private let point = WaitEngine.shared.makeWaitPoint()

    init(progress: WorkerProgress?) {
        self.progress = progress
    }

    func deliver(_ outcome: TaskOutcome) {
        progress?.completed(0, isFailure: outcome.error != nil)
        self.outcome.withLock { $0 = outcome }
        point.signal()
    }

    /// - Throws: `.cancelled` or `.timedOut` when there is no outcome.
    func wait(until deadline: Deadline) async throws(IPCError) -> TaskOutcome {
        while true {
            if let outcome = outcome.withLock({ $0 }) { return outcome }
            try await point.wait(until: deadline, "run a task")
        }
    }
}
