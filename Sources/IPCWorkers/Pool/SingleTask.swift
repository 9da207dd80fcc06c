import IPCSystem
import Synchronization

/// One task that one caller waits for.
final class SingleTask: Sendable {
    private let outcome = Lock<TaskOutcome?>(nil)
    private let point = WaitEngine.shared.makeWaitPoint()

    func deliver(_ outcome: TaskOutcome) {
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
