import IPCSystem
import Synchronization

/// Whether this process is a worker of somebody's pool.
enum WorkerRole {
    /// Holds the number of the worker. Its value says nothing else: the channel is an inherited endpoint.
    static let variable = "SWIFT_IPC_WORKER"

    private static let isServing = Lock(false)

    /// Takes the part of a worker if this process was started as one; once.
    ///
    /// The variable is removed, so that what a task starts does not take itself for a worker. (InheritedEndpoints does
    /// the same with its own.)
    ///
    /// - Returns: the number of the worker; nil in a process that is none.
    static func claim() throws(IPCError) -> Int? {
        guard let text = EnvironmentCalls.value(of: variable) else { return nil }
        try mapping("take the part of a worker", object: variable) { () throws(SystemCallError) in
            try EnvironmentCalls.unset(variable)
        }
        guard let index = Int(text), index >= 0 else {
            throw IPCError(
                .handshakeFailed, "take the part of a worker: the variable is not a number", object: variable)
        }
        isServing.withLock { $0 = true }
        return index
    }

    /// Why this process may not have a pool: a worker that starts workers, each of which starts workers, would not stop.
    static var refusal: IPCError? {
        if isServing.withLock({ $0 }) {
            return IPCError(
                .unsupported, "open a pool of workers: this process is a worker itself; let the parent run those tasks")
        }
        if EnvironmentCalls.value(of: variable) != nil {
            return IPCError(
                .unsupported,
                "open a pool of workers: this process was started as a worker, but its main came here before "
                    + "Worker.serveIfSpawned; call that first")
        }
        return nil
    }
}
