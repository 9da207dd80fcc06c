/// What happened in a ``Supervisor``. `path` is the name of the child, after those of the supervisors that it is in:
/// `web/renderer`.
public enum SupervisorEvent: Sendable {
    /// A child runs.
    case started(path: String, processID: Int32)
    /// A child is ready.
    case ready(path: String)
    /// A child said what it does: ``Readiness/report(_:)``.
    case status(path: String, String)
    /// A child is not well, and is killed.
    case unhealthy(path: String, reason: String)
    /// A child has ended though it was needed, or could not be started. The error says how, with the end of its standard
    /// error.
    case crashed(path: String, IPCError)
    /// A child has ended well by itself, and that was all.
    case finished(path: String)
    /// A child is started again after this wait.
    case restarting(path: String, after: Duration)
    /// A child was stopped, because its supervisor was or because another child crashed.
    case stopped(path: String)
    /// A supervisor has given up: its children crashed more often than its limit allows. Its path is empty at the top.
    case gaveUp(path: String, IPCError)
}
