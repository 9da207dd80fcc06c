public import IPCCore

/// Who may connect. A listener asks it once for each connection, before it reads a byte.
///
/// The kernel recorded the peer's credentials when the peer called connect(2). Decide by user and group: a process id may
/// belong to another process by now.
public struct SocketAuthorization: Sendable {
    private let allows: @Sendable (PeerCredentials) -> Bool

    /// Allows whom `allows` returns true for. It runs between two accepts, so it must not take long.
    public init(_ allows: @escaping @Sendable (PeerCredentials) -> Bool) {
        self.allows = allows
    }

    /// The user of this process and root: what a listener does unless told otherwise.
    public static let sameUserOrRoot = SocketAuthorization { $0.isSameUser || $0.userID == 0 }

    /// Everybody whom the permissions of the socket's file let through.
    public static let everyone = SocketAuthorization { _ in true }

    /// These users and nobody else, not even root.
    public static func users(_ allowed: Set<UInt32>) -> SocketAuthorization {
        SocketAuthorization { allowed.contains($0.userID) }
    }

    /// Whether `peer` may connect.
    public func callAsFunction(_ peer: PeerCredentials) -> Bool { allows(peer) }
}
