package import IPCSystem

/// Who is at the other end: what the kernel recorded when the connection was made.
///
/// For a connected Unix socket this is the process that called connect(2), or the one that called listen(2); for a
/// socketpair it is the process that *made* the pair, not the one that uses the other end. A process id may have been
/// reused since: decide by user and group. SO_PEERCRED, unix(7).
public struct PeerCredentials: Sendable, Hashable {
    /// The process id, as seen in this process's pid namespace (0 if it is not visible there).
    public let processID: Int32
    /// The effective user id.
    public let userID: UInt32
    /// The effective group id.
    public let groupID: UInt32

    /// Credentials as given.
    public init(processID: Int32, userID: UInt32, groupID: UInt32) {
        self.processID = processID
        self.userID = userID
        self.groupID = groupID
    }

    package init(_ found: SocketCalls.Credentials) {
        self.init(processID: found.process, userID: found.user, groupID: found.group)
    }

    /// Whether the peer runs as the same user as this process.
    public var isSameUser: Bool { userID == ProcessFacts.effectiveUser }
}
