/// The death of a worker under a task: what ``IPCError/workerCrash`` of a `.workerCrashed` error tells.
public struct WorkerCrash: Sendable, Hashable {
    /// The number of the worker in its pool.
    public let workerIndex: Int
    /// Its process id; for people and logs, it may be reused.
    public let processID: Int32
    /// How it ended; nil when another part of the program took the status.
    public let status: ExitStatus?
    /// The end of what it had written to standard error; before it, where that is longer, up to 2 KiB from the line of its
    /// fatal error on, or from its first line.
    public let standardErrorTail: String

    var error: IPCError {
        var message = "worker \(workerIndex) \(status.map { "\($0)" } ?? "died") while it ran the task"
        if !standardErrorTail.isEmpty { message += "; its standard error: \(standardErrorTail)" }
        return IPCError(.workerCrashed, message, object: "process \(processID)", detail: self)
    }
}

extension IPCError {
    /// How the worker died, in a `.workerCrashed` error.
    public var workerCrash: WorkerCrash? { detail as? WorkerCrash }
}
