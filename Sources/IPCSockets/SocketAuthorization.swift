public import IPCCore

/// Who may connect. A listener asks it once for each connection, before it reads a byte; a ``DatagramChannel`` for each
/// message.
///
/// Over a Unix socket the kernel recorded the peer's credentials when the peer called connect(2). Decide by user and group:
/// a process id may belong to another process by now. Over TCP nobody is known: there is the address that a connection came
/// from, which says where, not who.
public struct SocketAuthorization: Sendable {
    private let allows: @Sendable (PeerCredentials, SocketAddress) -> Bool
    /// Whether it looks at the supplementary groups, which cost the listener a system call.
    let asksForGroups: Bool

    private init(asksForGroups: Bool, _ allows: @escaping @Sendable (PeerCredentials, SocketAddress) -> Bool) {
        self.asksForGroups = asksForGroups
        self.allows = allows
    }

    /// Allows whom `allows` returns true for. It runs between two accepts, so it must not take long. Over TCP there are no
    /// credentials to look at (``PeerCredentials/isKnown``).
    public init(_ allows: @escaping @Sendable (PeerCredentials) -> Bool) {
        self.init(asksForGroups: false) { peer, _ in allows(peer) }
    }

    /// What a listener does unless told otherwise: over Unix sockets the user of this process and root, over TCP and vsock
    /// everybody who can reach the address, which is this machine alone unless the listener was told otherwise.
    public static let usual = SocketAuthorization(asksForGroups: false) { peer, address in
        address.isUnix ? sameUserOrRoot(peer, address) : true
    }

    /// The user of this process and root; nobody over TCP, where users are not known.
    public static let sameUserOrRoot = SocketAuthorization(asksForGroups: false) { peer, _ in
        peer.isSameUser || peer.userID == 0
    }

    /// Everybody whom the permissions of the socket's file let through, or who can reach the address.
    public static let everyone = SocketAuthorization { _ in true }

    /// These users and nobody else, not even root.
    public static func users(_ allowed: Set<UInt32>) -> SocketAuthorization {
        SocketAuthorization { $0.isKnown && allowed.contains($0.userID) }
    }

    /// Members of these groups, by their effective or a supplementary group.
    public static func groups(_ allowed: Set<UInt32>) -> SocketAuthorization {
        SocketAuthorization(asksForGroups: true) { peer, _ in
            peer.isKnown
                && (allowed.contains(peer.groupID) || !allowed.isDisjoint(with: peer.supplementaryGroupIDs ?? []))
        }
    }

    /// Connections from where `allows` returns true for. On a network that lets others write their packets' sender, this
    /// keeps out mistakes, not attackers.
    public static func addresses(
        _ allows: @escaping @Sendable (SocketAddress) -> Bool
    ) -> SocketAuthorization {
        SocketAuthorization(asksForGroups: false) { _, address in allows(address) }
    }

    /// Whether `peer`, who connects from `address`, may connect.
    public func callAsFunction(_ peer: PeerCredentials, _ address: SocketAddress) -> Bool { allows(peer, address) }
}
