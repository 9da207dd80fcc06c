public import CIPC

/// System calls on sockets.
@usableFromInline
package enum SocketCalls {
    package enum Kind: Sendable {
        case stream, packets, datagrams

        var rawValue: Int32 {
            switch self {
            case .stream: cipc_sock_stream
            case .packets: cipc_sock_seqpacket
            case .datagrams: cipc_sock_dgram
            }
        }
    }

    package struct Credentials: Sendable, Equatable {
        package let process: Int32
        package let user: UInt32
        package let group: UInt32
    }

    /// SCM_MAX_FD.
    package static let maximumDescriptors = Int(CIPC_MAXIMUM_DESCRIPTORS)

    /// The longest path of a Unix socket in bytes (sun_path without its final zero).
    package static let maximumUnixPathLength = Int(cipc_unix_path_limit())

    package static func makeUnixSocket(_ kind: Kind) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.socket) { cipc_socket_unix(kind.rawValue) }))
    }

    package static func makePair(_ kind: Kind) throws(SystemCallError) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try retrying(.socketpair) {
            unsafe withUnsafeMutableBytes(of: &ends) {
                // SAFETY: the tuple has room for the two numbers that socketpair writes.
                unsafe cipc_socket_pair(kind.rawValue, $0.baseAddress!.assumingMemoryBound(to: Int32.self))
            }
        }
        return ends
    }

    package static func bindUnix(_ number: Int32, path: String) throws(SystemCallError) {
        _ = try retrying(.bind) { unsafe cipc_bind_unix(number, path, path.utf8.count) }
    }

    /// connect(2) on a non-blocking Unix socket: false when the listener's queue is full (EAGAIN).
    package static func connectUnix(_ number: Int32, path: String) throws(SystemCallError) -> Bool {
        try retryingUnlessBlocked(.connect) { unsafe cipc_connect_unix(number, path, path.utf8.count) } != nil
    }

    package static func listen(_ number: Int32, backlog: Int) throws(SystemCallError) {
        _ = try retrying(.listen) { cipc_listen(number, Int32(clamping: backlog)) }
    }

    /// accept4(2): nil when nobody waits.
    package static func accept(_ number: Int32) throws(SystemCallError) -> OwnedDescriptor? {
        guard let accepted = try retryingUnlessBlocked(.accept4, { cipc_accept(number) }) else { return nil }
        return OwnedDescriptor(owning: Int32(accepted))
    }

    package static func shutdown(_ number: Int32, reading: Bool, writing: Bool) throws(SystemCallError) {
        _ = try retrying(.shutdown) { cipc_shutdown(number, reading ? 1 : 0, writing ? 1 : 0) }
    }

    /// SO_ACCEPTCONN: whether it is a socket that listens.
    package static func isListening(_ number: Int32) throws(SystemCallError) -> Bool {
        var value: Int32 = 0
        _ = try retrying(.getsockopt) { unsafe cipc_get_option(number, 1, 30, &value) }
        return value != 0
    }

    /// recv(2) on a non-blocking socket: nil when there is nothing yet, 0 at the end.
    @inlinable
    package static func receive(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> Int? {
        // SAFETY: the kernel writes at most `buffer.count` bytes into memory that the caller owns.
        try retryingUnlessBlocked(.recv) { unsafe cipc_recv(number, buffer.baseAddress!, buffer.count) }
    }

    /// send(2) with MSG_NOSIGNAL on a non-blocking socket: nil when there is no room.
    @inlinable
    package static func send(_ number: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int? {
        // SAFETY: the kernel reads `bytes.count` bytes that the caller holds.
        try retryingUnlessBlocked(.send) { unsafe cipc_send(number, bytes.baseAddress!, bytes.count) }
    }

    /// One send of a short head and a body with MSG_NOSIGNAL: nil when there is no room.
    @inlinable
    package static func send(
        _ number: Int32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer
    ) throws(SystemCallError) -> Int? {
        // SAFETY: the shim and the kernel read the two pieces, which the caller holds.
        try retryingUnlessBlocked(.send) {
            unsafe cipc_write_gathered(number, 1, head.baseAddress!, head.count, body.baseAddress, body.count)
        }
    }

    /// sendmsg(2) of two pieces with descriptors attached to the first byte: nil when there is no room.
    package static func send(
        _ number: Int32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, descriptors: [Int32]
    ) throws(SystemCallError) -> Int? {
        try retryingUnlessBlocked(.sendmsg) {
            // SAFETY: the pieces and the numbers are the caller's, and the kernel only reads them.
            unsafe descriptors.withUnsafeBufferPointer {
                unsafe cipc_send_with_descriptors(
                    number, head.baseAddress!, head.count, body.baseAddress, body.count, $0.baseAddress!,
                    Int32($0.count))
            }
        }
    }

    /// What recvmsg(2) brought: the number of bytes, and the descriptors, which the caller now owns.
    package struct ReceivedMessage {
        package var byteCount: Int
        package var descriptors: [Int32]
        package var controlWasTruncated: Bool
        package var dataWasTruncated: Bool
    }

    /// recvmsg(2) with MSG_CMSG_CLOEXEC: nil when there is nothing yet.
    package static func receiveMessage(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> ReceivedMessage? {
        try unsafe withUnsafeTemporaryAllocation(of: cipc_received.self, capacity: 1) {
            received throws(SystemCallError) in
            let received = received.baseAddress!
            // SAFETY: the shim writes the counts before anything is read, and at most `buffer.count` bytes.
            guard
                let count = try retryingUnlessBlocked(
                    .recvmsg, { unsafe cipc_receive_message(number, buffer.baseAddress!, buffer.count, received) })
            else { return nil }
            let arrived = unsafe Int(received.pointee.descriptor_count)
            let descriptors =
                arrived == 0
                ? []
                : unsafe withUnsafeBytes(of: &received.pointee.descriptors) {
                    unsafe Array($0.bindMemory(to: Int32.self)[..<arrived])
                }
            return unsafe ReceivedMessage(
                byteCount: count, descriptors: descriptors,
                controlWasTruncated: received.pointee.truncated_control != 0,
                dataWasTruncated: received.pointee.truncated_data != 0)
        }
    }

    /// SO_PEERCRED: who connected, or who called listen(2); for a socketpair, who made it.
    package static func peerCredentials(_ number: Int32) throws(SystemCallError) -> Credentials {
        var found = cipc_credentials()
        _ = try retrying(.getsockopt) { unsafe cipc_peer_credentials(number, &found) }
        return Credentials(process: found.process, user: found.user, group: found.group)
    }

    /// SO_PEERPIDFD (Linux 6.5).
    package static func peerProcessDescriptor(_ number: Int32) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.getsockopt) { cipc_peer_pidfd(number) }))
    }

    /// SO_PASSRIGHTS (Linux 6.16): false where the kernel does not know it.
    package static func setPassesDescriptors(_ number: Int32, _ enabled: Bool) throws(SystemCallError) -> Bool {
        do {
            _ = try retrying(.setsockopt) { cipc_set_passes_descriptors(number, enabled ? 1 : 0) }
            return true
        } catch  where error.errno == Errno.protocolOptionUnavailable {
            return false
        }
    }

    /// SO_SNDBUF and SO_RCVBUF in bytes; the kernel doubles them and caps them at its limits.
    package static func setBufferSizes(_ number: Int32, send: Int?, receive: Int?) throws(SystemCallError) {
        _ = try retrying(.setsockopt) {
            cipc_set_buffer_sizes(number, Int32(clamping: send ?? 0), Int32(clamping: receive ?? 0))
        }
    }
}
