public import IPCCore
import IPCSystem

/// Where a socket is: the path of a Unix socket, an abstract name, or a host and a port.
///
/// ```swift
/// let address = try SocketAddress.unix(path: "/run/shop/orders.sock")
/// let mine = try SocketAddress.unix(name: "orders.sock")  // in the user's runtime directory
/// let there = try SocketAddress.tcp(host: "shop.example", port: 4711)
/// let given = try SocketAddress("tcp:[::1]:4711")  // as `description` writes it
/// ```
///
/// Listeners, connections and channels take any kind that is a stream, so that a program goes from one machine to two by
/// changing an address. What goes over TCP can be read by whoever is on the way, and nobody says who he is
/// (`Documentation/Sockets.md`).
public struct SocketAddress: Sendable, Hashable {
    /// A host as it was given.
    package enum Host: Sendable, Hashable {
        case address(IPAddress)
        /// A name, looked up when it is needed.
        case name(String)
    }

    /// The kinds of addresses, for this package.
    package enum Kind: Sendable, Hashable {
        case unix(path: String)
        /// A name in the kernel's own table, which is no file.
        case abstract([UInt8])
        /// A Unix socket that was never bound.
        case unnamed
        case tcp(Host, UInt16)
        case udp(Host, UInt16)
        case vsock(context: UInt32, port: UInt32)
    }

    package let kind: Kind

    package init(kind: Kind) { self.kind = kind }

    /// The longest path of a Unix socket in bytes, 107: `sun_path` without its final zero. An abstract name may be as
    /// long. unix(7).
    public static let maximumUnixPathLength = SocketCalls.maximumUnixPathLength

    // MARK: Unix

    /// The Unix socket at a path. A relative path counts from the folder where the process is at that moment.
    ///
    /// - Throws: `.invalidName` when the path is empty, contains a zero byte, ends in a slash, or has more than
    ///   ``maximumUnixPathLength`` bytes.
    public static func unix(path: String) throws(IPCError) -> SocketAddress {
        let count = path.utf8.count
        guard count > 0 else {
            throw IPCError(.invalidName, "the path of a Unix socket is empty; give the path of a file", object: path)
        }
        guard !path.utf8.contains(0) else {
            throw IPCError(.invalidName, "the path of a Unix socket contains a zero byte; leave it out", object: path)
        }
        guard count <= maximumUnixPathLength else {
            throw IPCError(
                .invalidName,
                "the path of a Unix socket has \(count) bytes and the limit is \(maximumUnixPathLength); choose a "
                    + "shorter folder, for instance the runtime directory, or a path relative to the current one",
                object: path)
        }
        let last = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last.map(String.init)
        guard let last = last ?? nil, !last.isEmpty, last != ".", last != ".." else {
            throw IPCError(
                .invalidName, "the path of a Unix socket names a folder; add the name of a file", object: path)
        }
        return SocketAddress(kind: .unix(path: path))
    }

    /// The Unix socket of this name in ``RuntimeDirectory``, where this user alone can reach it.
    ///
    /// - Throws: `.invalidName` as ``unix(path:)`` does and when `name` contains a slash; `.permissionDenied` when
    ///   somebody else made the runtime directory.
    public static func unix(name: String) throws(IPCError) -> SocketAddress {
        try unix(path: RuntimeDirectory.path(ofFile: name))
    }

    /// The Unix socket of an abstract name: no file, nothing that stays behind, and no permissions. Whoever shares the
    /// network namespace may connect, so only ``SocketListenerOptions/authorization`` keeps others out, and whoever comes
    /// first has the name. unix(7).
    ///
    /// - Throws: `.invalidName` when it is empty or has more than ``maximumUnixPathLength`` bytes.
    public static func unix(abstract name: String) throws(IPCError) -> SocketAddress {
        guard (1...maximumUnixPathLength).contains(name.utf8.count) else {
            throw IPCError(
                .invalidName, "an abstract name has 1 to \(maximumUnixPathLength) bytes, not \(name.utf8.count)",
                object: name)
        }
        return SocketAddress(kind: .abstract(Array(name.utf8)))
    }

    // MARK: Network

    /// A TCP port of a host: 127.0.0.1, which this machine alone reaches, unless said otherwise.
    ///
    /// A listener takes an address in numbers, or looks a name up with ``SocketListener/listen(at:options:until:)``:
    /// `0.0.0.0` is every IPv4 address of this machine, `::` every address, and port 0 one that the kernel chooses
    /// (``SocketListener/address`` says which). Whoever connects may name a host; all its addresses are tried. tcp(7).
    ///
    /// - Throws: `.invalidName` when the host is empty, has a zero byte or more than 253 bytes.
    public static func tcp(host: String = "127.0.0.1", port: UInt16) throws(IPCError) -> SocketAddress {
        SocketAddress(kind: .tcp(try parse(host: host), port))
    }

    /// A UDP port of a host, for a ``DatagramChannel``. udp(7).
    ///
    /// - Throws: as ``tcp(host:port:)``.
    public static func udp(host: String = "127.0.0.1", port: UInt16) throws(IPCError) -> SocketAddress {
        SocketAddress(kind: .udp(try parse(host: host), port))
    }

    /// A port of a virtual machine (its context id) or of the machine that runs it (2), where the kernel has vsock(7); 1
    /// is this machine.
    public static func vsock(context: UInt32, port: UInt32) -> SocketAddress {
        SocketAddress(kind: .vsock(context: context, port: port))
    }

    private static func parse(host: String) throws(IPCError) -> Host {
        if let bytes = IPBytes.parse(host) { return .address(IPAddress(bytes)) }
        guard (1...253).contains(host.utf8.count), !host.utf8.contains(0), !host.utf8.contains(UInt8(ascii: ":"))
        else {
            throw IPCError(
                .invalidName, "the host is neither an IP address nor a name of 1 to 253 bytes", object: host)
        }
        return .name(host)
    }

    // MARK: What it is

    /// The path of a Unix socket; nil for an address that has none.
    public var path: String? {
        if case .unix(let path) = kind { path } else { nil }
    }

    /// The port of a TCP or UDP address; nil for others.
    public var port: UInt16? {
        switch kind {
        case .tcp(_, let port), .udp(_, let port): port
        default: nil
        }
    }

    /// The IP address, where it was given in numbers or is known; nil for others.
    public var ipAddress: IPAddress? {
        switch kind {
        case .tcp(.address(let address), _), .udp(.address(let address), _): address
        default: nil
        }
    }

    /// Whether only this machine reaches it: Unix sockets, and loopback addresses.
    public var isLocal: Bool {
        switch kind {
        case .unix, .abstract, .unnamed: true
        case .tcp, .udp: ipAddress?.isLoopback ?? false
        case .vsock(let context, _): context == 1
        }
    }
}
