public import IPCCore
import IPCSystem

/// More about who is at the other end of a Unix socket.
///
/// What the kernel knows is who *made* the connection: for a client the process that called listen(2), for a server the one
/// that called connect(2). For a socketpair it is the process that made the pair, for both ends and for ever, wherever the
/// ends went since: both ends in one process say that process, and an end that was inherited says the parent. So where an
/// end of a pair was given to a child, ask the child's handle about it, not the socket.
extension SocketConnection {
    /// The peer with its supplementary groups, as they were when the connection was made. SO_PEERGROUPS, unix(7).
    ///
    /// - Throws: `.unsupported` over TCP and vsock; `.closed`.
    public func peerWithGroups() throws(IPCError) -> PeerCredentials {
        var found = peer
        found.supplementaryGroupIDs = try stream.withNumber("ask for the peer's groups") { number throws(IPCError) in
            try SocketPeer.groups(number)
        }
        return found
    }

    /// A descriptor of the peer's process, by which it can be waited for and signalled without ever meeting another one
    /// that was given the same process id. SO_PEERPIDFD, pidfd_open(2).
    ///
    /// - Throws: `.notFound` when the process is gone; `.unsupported` over TCP, and before Linux 6.5; `.closed`;
    ///   `.resourceExhausted`.
    public func peerProcess() throws(IPCError) -> PassedDescriptor {
        try stream.withNumber("ask for the peer's process") { number throws(IPCError) in
            try SocketPeer.process(number)
        }
    }
}

extension SocketChannel {
    /// The peer with its supplementary groups. See ``SocketConnection/peerWithGroups()``.
    ///
    /// - Throws: `.unsupported` over TCP and vsock; `.closed`.
    public func peerWithGroups() throws(IPCError) -> PeerCredentials {
        var found = peer
        found.supplementaryGroupIDs = try sender.stream.withNumber("ask for the peer's groups") {
            number throws(IPCError) in
            try SocketPeer.groups(number)
        }
        return found
    }

    /// A descriptor of the peer's process. See ``SocketConnection/peerProcess()``.
    ///
    /// - Throws: `.notFound` when the process is gone; `.unsupported` over TCP, and before Linux 6.5; `.closed`;
    ///   `.resourceExhausted`.
    public func peerProcess() throws(IPCError) -> PassedDescriptor {
        try sender.stream.withNumber("ask for the peer's process") { number throws(IPCError) in
            try SocketPeer.process(number)
        }
    }
}

/// What the kernel says of a peer.
enum SocketPeer {
    static func groups(_ number: Int32) throws(IPCError) -> [UInt32] {
        try known(number, "ask for the peer's groups")
        return try mapping("ask for the peer's groups") { () throws(SystemCallError) in
            try NetworkCalls.peerGroups(number)
        }
    }

    static func process(_ number: Int32) throws(IPCError) -> PassedDescriptor {
        try known(number, "ask for the peer's process")
        do throws(SystemCallError) {
            return PassedDescriptor(owning: try SocketCalls.peerProcessDescriptor(number).release())
        } catch {
            // Before Linux 6.16 the kernel has nothing to make a descriptor of once the process was reaped.
            guard error.errno == Errno.invalid else { throw IPCError(error, "ask for the peer's process") }
            throw IPCError(
                .notFound, "ask for the peer's process: the process is gone", object: nil,
                systemCall: error.call.rawValue, errno: error.errno)
        }
    }

    /// Peers are known over Unix sockets alone.
    private static func known(_ number: Int32, _ doing: String) throws(IPCError) {
        let family = try mapping(doing) { () throws(SystemCallError) in try NetworkCalls.family(number) }
        guard family == .unix else {
            throw IPCError(.unsupported, "\(doing): the kernel knows peers over Unix sockets alone")
        }
    }
}
