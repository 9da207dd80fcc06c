/// Something that happened in this library, for metrics and logs. New cases may come: a `switch` needs a `default`.
///
/// | Who | tells |
/// |---|---|
/// | pipes and sockets | ``peerLost(mechanism:object:error:)``, ``protocolViolation(mechanism:object:error:)``, ``channelFailed(mechanism:object:error:)``, once for each channel that breaks |
/// | listeners | ``connectionAccepted(listener:peer:)``, ``connectionRefused(listener:peer:reason:)``, ``log(level:message:)`` |
/// | child processes, those of commands and pools too | ``childSpawned(processID:executable:)``, ``childExited(processID:outcome:)`` |
/// | worker pools | ``workerStarted(processID:)``, ``workerCrashed(processID:outcome:)``, ``workerReplaced(oldProcessID:newProcessID:)``, ``taskFailed(type:error:)``, ``log(level:message:)`` |
///
/// A channel that lives and ends well tells nothing, and no transport of this library tells of single messages. The cases
/// for these are there for transports and services built on it.
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
    /// The other end of a channel is gone without having finished: it died, or closed. The error is `.truncated` when that
    /// was inside a message. Noticed by whoever receives, or sends; with bare bytes an end cannot be told from a death,
    /// so only a sender notices. `mechanism` is "pipe" or "unix-stream".
    case peerLost(mechanism: String, object: String?, error: IPCError)
    /// A channel broke on this side, for want of descriptors or by an error of the system.
    case channelFailed(mechanism: String, object: String?, error: IPCError)
    /// A peer sent what it must not, and is not listened to any more.
    case protocolViolation(mechanism: String, object: String?, error: IPCError)

    /// A child process runs.
    case childSpawned(processID: Int32, executable: String)
    /// A child process ended, and its status was taken: when somebody asked for it, or the handle was dropped.
    case childExited(processID: Int32, outcome: Outcome)
    /// A worker process is ready for tasks.
    case workerStarted(processID: Int32)
    /// A worker process died while it was needed.
    case workerCrashed(processID: Int32, outcome: Outcome)
    /// A worker process took the place of another, which died. Follows its own ``workerStarted(processID:)``.
    case workerReplaced(oldProcessID: Int32, newProcessID: Int32)
    /// A task of a worker pool ended without an output: it threw, its worker died, or nobody could run it. Not told of
    /// tasks that their callers gave up. `type` is the name of its type.
    case taskFailed(type: String, error: IPCError)

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
