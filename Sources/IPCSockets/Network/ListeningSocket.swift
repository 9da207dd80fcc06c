import IPCCore
import IPCSystem

/// A socket that listens, with what belongs to it.
struct ListeningSocket: ~Copyable {
    let stream: StreamDescriptor
    /// The name in the file system, where it has one.
    private var name: SocketName?
    /// Where it listens: with the port that the kernel chose, if it was to choose one.
    let address: SocketAddress

    /// Makes a socket that listens at `address`, which is `network` in numbers.
    init(
        at address: SocketAddress, _ network: NetworkAddress, _ options: SocketListenerOptions
    ) throws(IPCError) {
        try options.check(address)
        let object = address.objectName
        let socket = try mapping("listen", object: object) { () throws(SystemCallError) in
            try NetworkCalls.makeSocket(network.family, options.type.kind)
        }
        let number = socket.number
        if case .unix(let path) = address.kind {
            let name = try SocketName(binding: number, to: path, options.permissions)
            let stream: StreamDescriptor
            do throws(IPCError) {
                stream = try Self.listen(socket, address, options)
            } catch {
                name.remove()
                throw error
            }
            self.init(stream, name, at: address)
            return
        }
        try mapping("listen", object: object) { () throws(SystemCallError) in
            if network.family == .ipv4 || network.family == .ipv6 {
                // Connections of a server before, which the kernel keeps for a minute, do not keep the next one out.
                try NetworkCalls.set(number, .reuseAddress, 1)
                if options.sharesPort { try NetworkCalls.set(number, .reusePort, 1) }
            }
            if network.family == .ipv6 {
                try NetworkCalls.set(number, .ipv6Only, address.ipAddress?.isAny == true ? 0 : 1)
            }
            try NetworkCalls.bind(number, to: network)
        }
        let stream = try Self.listen(socket, address, options)
        let actual = try? NetworkCalls.localAddress(stream.number)
        self.init(stream, nil, at: actual.map { SocketAddress($0, .stream) } ?? address)
    }

    /// A socket that another process made.
    init(_ stream: StreamDescriptor, _ name: consuming SocketName?, at address: SocketAddress) {
        self.stream = stream
        self.name = consume name
        self.address = address
    }

    /// The name, once.
    mutating func takeName() -> SocketName? { name.take() }

    private static func listen(
        _ socket: consuming OwnedDescriptor, _ address: SocketAddress, _ options: SocketListenerOptions
    ) throws(IPCError) -> StreamDescriptor {
        let number = socket.number
        let isUnix = address.isUnix
        try mapping("listen", object: address.objectName) { () throws(SystemCallError) in
            // Connections inherit this, so that no descriptor gets in before their channels are made.
            if isUnix { _ = try SocketCalls.setPassesDescriptors(number, options.takesDescriptors) }
            try SocketCalls.listen(number, backlog: options.backlog)
        }
        return try StreamDescriptor(socket, kind: .init(address.isUnix, options.type), uses: 1)
    }
}

extension SocketAddress {
    /// What errors name: the path of a file, else the address.
    var objectName: String { path ?? description }

    /// Whether it is a name of the network namespace, which has no permissions.
    var isAbstract: Bool {
        if case .abstract = kind { true } else { false }
    }

    /// Whether it is the address of a Unix socket.
    var isUnix: Bool {
        switch kind {
        case .unix, .abstract, .unnamed: true
        case .tcp, .udp, .vsock: false
        }
    }
}

extension SystemCallError {
    /// Of accept(2): the connection that was to be taken broke before it was, also by an error of the network. The next one
    /// may be whole.
    var concernsOneClient: Bool {
        [
            Errno.connectionAborted, Errno.protocolError, Errno.protocolOptionUnavailable, Errno.networkDown,
            Errno.networkUnreachable, Errno.hostDown, Errno.hostUnreachable, Errno.notSupported,
        ].contains(errno)
    }
}
