import IPCCore

/// Whether `connect` tries again when nobody listens: for a client that may start before its server.
public struct ConnectRetry: Sendable, Hashable {
    let first: Duration?
    let limit: Duration

    /// One attempt at each address.
    public static let never = ConnectRetry(first: nil, limit: .zero)

    /// Attempts until the deadline, at growing intervals: after 10 ms, then twice as long each time, up to a second.
    public static let untilDeadline = ConnectRetry.backingOff()

    /// Attempts until the deadline, after `first`, then after twice as long each time, up to `limit`.
    public static func backingOff(from first: Duration = .milliseconds(10), to limit: Duration = .seconds(1))
        -> ConnectRetry
    {
        ConnectRetry(first: max(first, .milliseconds(1)), limit: max(limit, first))
    }

    /// Whether a failure may be over at the next attempt.
    static func mayPass(_ error: IPCError) -> Bool {
        [.connectionRefused, .notFound, .unreachable, .peerClosed].contains(error.code)
    }
}
