/// What a task knows of the place where it runs.
public struct WorkerContext: Sendable {
    /// The number of the worker in its pool, from 0. A worker that replaces another one takes its number.
    public let workerIndex: Int
    /// When the caller gives up; the task is cancelled then.
    public let deadline: Deadline

    init(workerIndex: Int, deadline: Deadline) {
        self.workerIndex = workerIndex
        self.deadline = deadline
    }
}
