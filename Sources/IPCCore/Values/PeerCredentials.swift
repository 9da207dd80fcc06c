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
    /// The supplementary group ids, where they were asked for: a listener does if its authorisation decides by groups, and
    /// `SocketConnection.peerGroups()` does. nil where nobody asked. SO_PEERGROUPS, unix(7).
    public package(set) var supplementaryGroupIDs: [UInt32]?

    /// Credentials as given.
    public init(processID: Int32, userID: UInt32, groupID: UInt32, supplementaryGroupIDs: [UInt32]? = nil) {
        self.supplementaryGroupIDs = supplementaryGroupIDs
        self.processID = processID
        self.userID = userID
        self.groupID = groupID
    }

    package init(_ found: SocketCalls.Credentials) {
        self.init(processID: found.process, userID: found.user, groupID: found.group)
    }

    /// Whether the kernel knows who the peer is. Not so over TCP, where user and group are 4,294,967,295 and the process is 0.
    public var isKnown: Bool { userID != .max }

    /// Whether the peer runs as the same user as this process.
    public var isSameUser: Bool { userID == ProcessFacts.effectiveUser }
}
