/// Something that happened in this library, for metrics and logs. New cases may come: a `switch` needs a `default`.
@nonexhaustive
public enum IPCEvent: Sendable {
    /// A channel was made. `mechanism` is the word of its module: "pipe", "unix-stream", "ring".
    case channelOpened(mechanism: String, object: String?)
    /// A channel was closed by its owner.
    case channelClosed(mechanism: String, object: String?)
    /// Messages left through a channel: how many, and their bytes in all.
    case messagesSent(mechanism: String, count: Int, bytes: Int)
    /// Messages came in through a channel: how many, and their bytes in all.
    case messagesReceived(mechanism: String, count: Int, bytes: Int)

    /// A listener took a connection.
    case connectionAccepted(listener: String, peer: PeerCredentials?)
    /// A listener turned a connection away, or lost it before it was taken.
    case connectionRefused(listener: String, peer: PeerCredentials?, reason: IPCError)
    /// A peer sent what it must not.
    case protocolViolation(mechanism: String, object: String?, error: IPCError)

    /// A child process runs.
    case childSpawned(processID: Int32, executable: String)
    /// A child process ended.
    case childExited(processID: Int32, outcome: Outcome)
    /// A worker process is ready for tasks.
    case workerStarted(processID: Int32)
    /// A worker process died while it was needed.
    case workerCrashed(processID: Int32, outcome: Outcome)
    /// A worker process took the place of another.
    case workerReplaced(oldProcessID: Int32, newProcessID: Int32)

    /// A sentence for a person.
    case log(level: LogLevel, message: String)

    /// How a process ended.
    public enum Outcome: Sendable, Hashable {
        /// It returned this status.
        case exited(status: Int32)
        /// This signal ended it.
        case killed(by: Signal)
        /// Nobody can tell: another part of the program took the status.
        case unknown
    }

    /// How much a log message matters, least first.
    public enum LogLevel: Int, Sendable, Hashable, Comparable, CaseIterable {
        /// Of use to whoever works on this library.
        case debug
        /// The ordinary course of things.
        case info
        /// Unusual, and dealt with.
        case warning
        /// Something failed that should not.
        case error

        /// The less important first.
        public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
    }
}
