public import IPCCore
import IPCSystem

/// Addresses as the kernel has them.
extension SocketAddress {
    /// An address that the kernel told of a socket.
    init(_ found: NetworkAddress, _ kind: SocketCalls.Kind) {
        switch found {
        case .unix(let path): self.init(kind: .unix(path: String(decoding: path, as: UTF8.self)))
        case .abstract(let name): self.init(kind: .abstract(name))
        case .unnamed, .other: self.init(kind: .unnamed)
        case .ip(let bytes, let port):
            let host = Host.address(IPAddress(bytes))
            self.init(kind: kind == .stream ? .tcp(host, port) : .udp(host, port))
        case .vsock(let context, let port): self.init(kind: .vsock(context: context, port: port))
        }
    }

    /// The address as the kernel takes it, unless a name must be looked up first.
    var network: NetworkAddress? {
        switch kind {
        case .unix(let path): .unix(path: Array(path.utf8))
        case .abstract(let name): .abstract(name)
        case .unnamed: .unnamed
        case .tcp(.address(let address), let port), .udp(.address(let address), let port):
            .ip(address.bytes, port: port)
        case .vsock(let context, let port): .vsock(context: context, port: port)
        case .tcp(.name, _), .udp(.name, _): nil
        }
    }

    /// The address in numbers, for what cannot wait for a name to be looked up.
    func inNumbers(_ doing: String) throws(IPCError) -> NetworkAddress {
        if let network { return network }
        throw IPCError(
            .invalidArgument,
            "\(doing): the name of a host has to be looked up, which takes time; give an address in numbers, or use the "
                + "form that waits", object: description)
    }

    /// The addresses in numbers, in the order in which they are to be tried. getaddrinfo(3), on a thread of ours.
    func resolved(_ doing: StaticString, until deadline: Deadline) async throws(IPCError) -> [NetworkAddress] {
        switch kind {
        case .tcp(.name(let name), let port), .udp(.name(let name), let port):
            try await NameLookup.shared.addresses(of: name, doing, until: deadline).map { .ip($0, port: port) }
        default:
            [try inNumbers("\(doing)")]
        }
    }

    /// The same address in numbers: all addresses of a host whose name was given, in the order in which they are to be tried.
    /// getaddrinfo(3), on a thread of this library.
    ///
    /// - Throws: `.notFound` when there is no such host; `.unreachable` when the name server does not answer; `.timedOut`,
    ///   `.cancelled`, `.resourceExhausted`.
    public func resolve(until deadline: Deadline = .never) async throws(IPCError) -> [SocketAddress] {
        let carried: SocketCalls.Kind = if case .udp = kind { .datagrams } else { .stream }
        return try await resolved("look a name up", until: deadline).map { SocketAddress($0, carried) }
    }

    /// Refuses an address that is no stream.
    func checkStream(_ doing: String) throws(IPCError) {
        switch kind {
        case .unix, .abstract, .tcp, .vsock: return
        case .udp:
            throw IPCError(
                .invalidArgument, "\(doing): UDP has no connections; take a DatagramChannel, or a TCP address",
                object: description)
        case .unnamed:
            throw IPCError(.invalidArgument, "\(doing): a socket without a name cannot be found", object: description)
        }
    }

    /// Refuses an address that no datagram goes to.
    func checkDatagram(_ doing: String) throws(IPCError) {
        switch kind {
        case .unix, .abstract, .udp: return
        case .tcp, .vsock:
            throw IPCError(
                .invalidArgument, "\(doing): datagrams go to Unix and UDP addresses; take a SocketChannel for this one",
                object: description)
        case .unnamed:
            throw IPCError(.invalidArgument, "\(doing): a socket without a name cannot be reached", object: description)
        }
    }

    /// Refuses an address that is no Unix socket.
    func checkUnix(_ doing: String) throws(IPCError) {
        switch kind {
        case .unix, .abstract: return
        default:
            throw IPCError(
                .invalidArgument, "\(doing): this goes over Unix sockets alone; give the address of one",
                object: description)
        }
    }
}
