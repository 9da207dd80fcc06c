/// What happened in a ``MultiProcessServer``.
public enum ServerEvent: Sendable {
    /// A worker process accepts connections.
    case workerReady(place: Int, processID: Int32)
    /// A worker process left as it was asked to: after a rolling restart, for a smaller number of workers, or at the end.
    case workerLeft(place: Int, processID: Int32)
    /// A worker process that was to leave had not done so after the grace, and was killed with what it still served.
    case workerKilled(place: Int, processID: Int32)
    /// A worker process died, or ended, while it was needed. `crash` says how, with the end of its standard error.
    case workerCrashed(place: Int, crash: WorkerCrash)
    /// A worker could not be started, or was not ready in time.
    case workerFailedToStart(place: Int, error: IPCError)
    /// All workers are being replaced, one after another.
    case rollingRestartBegan
    /// All workers have been replaced, and the old ones are gone.
    case rollingRestartEnded
    /// A new worker did not come up; those that serve go on serving.
    case rollingRestartFailed(IPCError)
    /// The number of workers was changed.
    case scaled(to: Int)
    /// The server has given up: its workers died faster than ``MultiProcessServerOptions/restartLimit`` allows.
    case failed(IPCError)
}
