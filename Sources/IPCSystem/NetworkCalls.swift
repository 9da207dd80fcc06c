import CIPC

/// System calls on sockets of any family.
package enum NetworkCalls {
    package enum Family: Sendable, Hashable {
        case unix, ipv4, ipv6, vsock, other

        var rawValue: Int32 {
            switch self {
            case .unix: Int32(CIPC_FAMILY_UNIX)
            case .ipv4: Int32(CIPC_FAMILY_IPV4)
            case .ipv6: Int32(CIPC_FAMILY_IPV6)
            case .vsock: Int32(CIPC_FAMILY_VSOCK)
            case .other: Int32(CIPC_FAMILY_OTHER)
            }
        }

        init(_ raw: Int) {
            self = [Family.unix, .ipv4, .ipv6, .vsock].first { Int($0.rawValue) == raw } ?? .other
        }
    }

    /// What can be set to a number on a socket.
    package enum Option: Sendable {
        case reuseAddress, reusePort, noDelay, keepAlive, keepAliveIdle, keepAliveInterval, keepAliveCount
        case userTimeout, broadcast
        case ipv6Only, multicastLoop(ipv6: Bool), multicastHops(ipv6: Bool), multicastAll(ipv6: Bool)
        case type, sendBuffer, receiveBuffer

        var rawValue: Int32 {
            switch self {
            case .reuseAddress: Int32(CIPC_SET_REUSE_ADDRESS)
            case .reusePort: Int32(CIPC_SET_REUSE_PORT)
            case .noDelay: Int32(CIPC_SET_NO_DELAY)
            case .keepAlive: Int32(CIPC_SET_KEEP_ALIVE)
            case .keepAliveIdle: Int32(CIPC_SET_KEEP_ALIVE_IDLE)
            case .keepAliveInterval: Int32(CIPC_SET_KEEP_ALIVE_INTERVAL)
            case .keepAliveCount: Int32(CIPC_SET_KEEP_ALIVE_COUNT)
            case .userTimeout: Int32(CIPC_SET_USER_TIMEOUT)
            case .broadcast: Int32(CIPC_SET_BROADCAST)
            case .ipv6Only: Int32(CIPC_SET_IPV6_ONLY)
            case .multicastLoop(let ipv6): Int32(ipv6 ? CIPC_SET_MULTICAST_LOOP6 : CIPC_SET_MULTICAST_LOOP4)
            case .multicastHops(let ipv6): Int32(ipv6 ? CIPC_SET_MULTICAST_HOPS6 : CIPC_SET_MULTICAST_HOPS4)
            case .multicastAll(let ipv6): Int32(ipv6 ? CIPC_SET_MULTICAST_ALL6 : CIPC_SET_MULTICAST_ALL4)
            case .type: Int32(CIPC_GET_TYPE)
            case .sendBuffer: Int32(CIPC_GET_SEND_BUFFER)
            case .receiveBuffer: Int32(CIPC_GET_RECEIVE_BUFFER)
            }
        }
    }

    /// socket(2), close-on-exec and non-blocking.
    package static func makeSocket(
        _ family: Family, _ kind: SocketCalls.Kind
    ) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.socket) { cipc_socket(family.rawValue, kind.rawValue) }))
    }

    package static func bind(_ number: Int32, to address: NetworkAddress) throws(SystemCallError) {
        var raw = address.raw
        _ = try retrying(.bind) { unsafe cipc_bind(number, &raw) }
    }

    /// What connect(2) on a non-blocking socket says.
    package enum Connecting: Sendable {
        case done
        /// EINPROGRESS: writable when it is decided, by ``takeError(_:)``.
        case underWay
        /// EAGAIN: the queue of a Unix listener is full.
        case full
    }

    package static func connect(_ number: Int32, to address: NetworkAddress) throws(SystemCallError) -> Connecting {
        var raw = address.raw
        do {
            return try retryingUnlessBlocked(.connect) { unsafe cipc_connect(number, &raw) } == nil ? .full : .done
        } catch  where error.errno == Errno.inProgress {
            return .underWay
        } catch  where error.errno == Errno.alreadyConnecting {
            // An interrupted attempt goes on by itself.
            return .underWay
        } catch  where error.errno == Errno.isConnected {
            return .done
        }
    }

    /// SO_ERROR: throws what is wrong with the socket, and forgets it.
    package static func takeError(_ number: Int32) throws(SystemCallError) {
        _ = try retrying(.connect) { cipc_socket_error(number) }
    }

    package static func localAddress(_ number: Int32) throws(SystemCallError) -> NetworkAddress {
        var raw = cipc_address()
        _ = try retrying(.getsockname) { unsafe cipc_local_address(number, &raw) }
        return NetworkAddress(raw)
    }

    package static func remoteAddress(_ number: Int32) throws(SystemCallError) -> NetworkAddress {
        var raw = cipc_address()
        _ = try retrying(.getpeername) { unsafe cipc_remote_address(number, &raw) }
        return NetworkAddress(raw)
    }

    package static func set(_ number: Int32, _ option: Option, _ value: Int) throws(SystemCallError) {
        _ = try retrying(.setsockopt) { cipc_set(number, option.rawValue, Int32(clamping: value)) }
    }

    package static func get(_ number: Int32, _ option: Option) throws(SystemCallError) -> Int {
        try retrying(.getsockopt) { cipc_get(number, option.rawValue) }
    }

    /// SO_DOMAIN.
    package static func family(_ number: Int32) throws(SystemCallError) -> Family {
        Family(try retrying(.getsockopt) { cipc_family(number) })
    }

    /// SO_TYPE: nil for a kind that this package does not know.
    package static func kind(_ number: Int32) throws(SystemCallError) -> SocketCalls.Kind? {
        let raw = try get(number, .type)
        return [SocketCalls.Kind.stream, .packets, .datagrams].first { Int($0.rawValue) == raw }
    }

    /// SO_LINGER in whole seconds; off where `seconds` is nil.
    package static func setLinger(_ number: Int32, seconds: Int?) throws(SystemCallError) {
        _ = try retrying(.setsockopt) { cipc_set_linger(number, Int32(clamping: seconds ?? -1)) }
    }

    /// getaddrinfo(3), which blocks the thread: the addresses of a host, port 0.
    package static func resolve(_ host: String) throws(SystemCallError) -> [IPBytes] {
        let capacity = 64
        return try unsafe withUnsafeTemporaryAllocation(of: cipc_address.self, capacity: capacity) {
            found throws(SystemCallError) in
            // SAFETY: the shim writes at most so many addresses, and says how many it did.
            let count = try retrying(.getaddrinfo) {
                unsafe cipc_resolve(host, found.baseAddress!, Int32(capacity))
            }
            return (0..<count).compactMap {
                if case .ip(let bytes, _) = unsafe NetworkAddress(found[$0]) { bytes } else { nil }
            }
        }
    }

    /// if_nametoindex(3).
    package static func interfaceIndex(_ name: String) throws(SystemCallError) -> UInt32 {
        UInt32(try retrying(.if_nametoindex) { unsafe cipc_interface_index(name) })
    }

    package static func changeMembership(
        _ number: Int32, joining: Bool, _ group: IPBytes, interface: UInt32
    ) throws(SystemCallError) {
        var raw = NetworkAddress.ip(group, port: 0).raw
        _ = try retrying(.setsockopt) {
            unsafe cipc_multicast_membership(number, joining ? 1 : 0, &raw, interface)
        }
    }

    package static func setMulticastInterface(
        _ number: Int32, ipv6: Bool, _ interface: UInt32
    ) throws(SystemCallError) {
        _ = try retrying(.setsockopt) {
            ipv6
                ? cipc_set(number, Int32(CIPC_SET_MULTICAST_INTERFACE6), Int32(clamping: interface))
                : cipc_multicast_interface4(number, interface)
        }
    }

    /// sendmsg(2) of two pieces as one packet: false when there is no room.
    package static func sendPacket(
        _ number: Int32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, to address: NetworkAddress?
    ) throws(SystemCallError) -> Bool {
        // SAFETY: the shim and the kernel read the two pieces, which the caller holds.
        guard let address else {
            return try retryingUnlessBlocked(.sendmsg) {
                unsafe cipc_send_packet(number, head.baseAddress, head.count, body.baseAddress, body.count, nil)
            } != nil
        }
        var raw = address.raw
        return try retryingUnlessBlocked(.sendmsg) {
            unsafe cipc_send_packet(number, head.baseAddress, head.count, body.baseAddress, body.count, &raw)
        } != nil
    }

    /// recvfrom(2) of one packet: its whole length, of which as much is there as the buffer holds; nil when there is none.
    package static func receivePacket(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> Int? {
        // SAFETY: the kernel writes at most `buffer.count` bytes into memory that the caller owns.
        try retryingUnlessBlocked(.recv) {
            unsafe cipc_receive_packet(number, buffer.baseAddress!, buffer.count, nil)
        }
    }

    /// The same with the address of the sender.
    package static func receivePacketWithSender(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> (byteCount: Int, sender: NetworkAddress)? {
        var raw = cipc_address()
        // SAFETY: as above.
        let count = try retryingUnlessBlocked(.recvfrom) {
            unsafe cipc_receive_packet(number, buffer.baseAddress!, buffer.count, &raw)
        }
        return count.map { ($0, NetworkAddress(raw)) }
    }

    /// The same with the address of the sender and, where ``setPassesCredentials(_:)`` was called, who it is.
    package static func receivePacketFromWhom(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> (byteCount: Int, sender: NetworkAddress, credentials: SocketCalls.Credentials)? {
        var raw = cipc_address()
        var found = cipc_credentials()
        // SAFETY: as above.
        let count = try retryingUnlessBlocked(.recvmsg) {
            unsafe cipc_receive_packet_from_whom(number, buffer.baseAddress!, buffer.count, &raw, &found)
        }
        return count.map {
            (
                $0, NetworkAddress(raw),
                SocketCalls.Credentials(process: found.process, user: found.user, group: found.group)
            )
        }
    }

    /// SO_PASSCRED: the kernel notes who sends each packet.
    package static func setPassesCredentials(_ number: Int32) throws(SystemCallError) {
        _ = try retrying(.setsockopt) { cipc_set_passes_credentials(number) }
    }

    /// SO_PEERGROUPS: the supplementary groups of a Unix peer.
    package static func peerGroups(_ number: Int32) throws(SystemCallError) -> [UInt32] {
        var capacity = 64
        // Ends: a process has at most 65,536 groups, and the kernel says how many there are.
        while capacity <= 1 << 17 {
            var groups = [UInt32](repeating: 0, count: capacity)
            let count = try retrying(.getsockopt) {
                unsafe groups.withUnsafeMutableBufferPointer {
                    unsafe cipc_peer_groups(number, $0.baseAddress!, Int32($0.count))
                }
            }
            if count <= capacity { return Array(groups.prefix(count)) }
            capacity = count
        }
        throw SystemCallError(.getsockopt, Errno.outOfRange)
    }
}
