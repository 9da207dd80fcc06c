public import IPCCore

extension SocketAddress: CustomStringConvertible {
    /// The kind of address and the address: `unix:/run/shop/orders.sock`, `unix:@name` (abstract), `tcp:127.0.0.1:4711`,
    /// `tcp:[::1]:4711`, `udp:name:53`, `vsock:2:1024`. Bytes of a peer's name that are no UTF-8 are written as U+FFFD.
    public var description: String {
        switch kind {
        // A relative path that begins like an abstract name is written so that it cannot be taken for one.
        case .unix(let path): path.first == "@" ? "unix:./\(path)" : "unix:\(path)"
        case .abstract(let name): "unix:@\(String(decoding: name, as: UTF8.self))"
        case .unnamed: "unix:(unnamed)"
        case .tcp(let host, let port): "tcp:\(host):\(port)"
        case .udp(let host, let port): "udp:\(host):\(port)"
        case .vsock(let context, let port): "vsock:\(context):\(port)"
        }
    }

    /// The address that a text says, as ``description`` writes it: for command lines and configuration files.
    ///
    /// - Throws: `.invalidName` when it is none.
    public init(_ text: String) throws(IPCError) {
        let (kind, rest) = Self.split(text)
        switch kind {
        case "unix" where rest.first == "@": self = try .unix(abstract: String(rest.dropFirst()))
        case "unix": self = try .unix(path: String(rest))
        case "tcp":
            let (host, port) = try Self.hostAndPort(rest, text)
            self = try .tcp(host: host, port: port)
        case "udp":
            let (host, port) = try Self.hostAndPort(rest, text)
            self = try .udp(host: host, port: port)
        case "vsock":
            let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let context = UInt32(parts[0]), let port = UInt32(parts[1]) else {
                throw Self.unreadable(text)
            }
            self = .vsock(context: context, port: port)
        default: throw Self.unreadable(text)
        }
    }

    private static func split(_ text: String) -> (Substring, Substring) {
        guard let colon = text.firstIndex(of: ":") else { return ("", text[...]) }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    private static func hostAndPort(_ rest: Substring, _ text: String) throws(IPCError) -> (String, UInt16) {
        guard let colon = rest.lastIndex(of: ":"), rest.last != "]" else {
            throw IPCError(.invalidName, "this address has no port; write HOST:PORT", object: text)
        }
        guard let port = UInt16(rest[rest.index(after: colon)...]) else {
            throw IPCError(.invalidName, "a port is a number from 0 to 65535", object: text)
        }
        let host = rest[..<colon]
        if host.first == "[", host.last == "]" { return (String(host.dropFirst().dropLast()), port) }
        guard !host.contains(":") else { throw unreadable(text) }
        return (String(host), port)
    }

    private static func unreadable(_ text: String) -> IPCError {
        IPCError(
            .invalidName,
            "this is no address; write unix:PATH, unix:@NAME, tcp:HOST:PORT, udp:HOST:PORT or vsock:CONTEXT:PORT, and an "
                + "IPv6 address in brackets", object: text)
    }
}

extension SocketAddress.Host: CustomStringConvertible {
    package var description: String {
        switch self {
        case .address(let address): address.isIPv6 ? "[\(address)]" : "\(address)"
        case .name(let name): name
        }
    }
}
