public import IPCCore
import IPCSystem

/// Where a socket listens: today the path of a Unix socket. More kinds of addresses may come.
///
/// ```swift
/// let address = try SocketAddress.unix(path: "/run/shop/orders.sock")
/// let mine = try SocketAddress.unix(name: "orders.sock")  // in the user's runtime directory
/// ```
public struct SocketAddress: Sendable, Hashable {
    /// The kinds of addresses, for this package.
    package enum Kind: Sendable, Hashable {
        case unix(path: String)
    }

    package let kind: Kind

    /// The longest path of a Unix socket in bytes, 107: `sun_path` without its final zero. unix(7).
    public static let maximumUnixPathLength = SocketCalls.maximumUnixPathLength

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

    /// The path of the socket, of the one kind of address that there is.
    var unixPath: String {
        switch kind {
        case .unix(let path): path
        }
    }

    /// The path of a Unix socket; nil for an address that has none.
    public var path: String? {
        switch kind {
        case .unix(let path): path
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The kind of address and the address, such as `unix:/run/shop/orders.sock`.
    public var description: String {
        switch kind {
        case .unix(let path): "unix:\(path)"
        }
    }
}
