import IPCSystem

/// Whether this process is a worker of somebody's server.
enum ServerRole {
    /// Holds the role. The rest comes over the channel, which is an inherited endpoint.
    static let variable = "SWIFT_IPC_SERVER_WORKER"

    private static let isServing = Lock(false)

    /// Takes this role if this process was started for it; once. The variable is removed, so that what the worker starts
    /// does not take itself for one.
    static func claim(_ role: String) throws(IPCError) -> Bool {
        guard EnvironmentCalls.value(of: variable) == role else { return false }
        try mapping("take the part of a worker", object: variable) { () throws(SystemCallError) in
            try EnvironmentCalls.unset(variable)
        }
        isServing.withLock { $0 = true }
        return true
    }

    /// Why this process may not have a server: a worker that starts workers, each of which starts workers, would not stop.
    static var refusal: IPCError? {
        if isServing.withLock({ $0 }) {
            return IPCError(.unsupported, "open a server: this process is a worker of one; let the parent open others")
        }
        if let role = EnvironmentCalls.value(of: variable) {
            return IPCError(
                .unsupported,
                "open a server: this process was started as a worker, but its main came here before "
                    + "MultiProcessServer.serveIfWorker(role: \"\(role)\"); call that first")
        }
        return nil
    }
}
