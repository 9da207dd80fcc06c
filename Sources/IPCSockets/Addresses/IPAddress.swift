public import IPCCore
package import IPCSystem

/// An address of the Internet Protocol, version 4 or 6.
///
/// ```swift
/// let mine = try IPAddress("192.168.0.7")
/// let linkLocal = try IPAddress("fe80::1%eth0")
/// ```
public struct IPAddress: Sendable, Hashable {
    package let bytes: IPBytes

    package init(_ bytes: IPBytes) { self.bytes = bytes }

    /// The address that `text` writes in numbers. inet_pton(3). A link-local IPv6 address may name its interface behind a
    /// percent sign.
    ///
    /// - Throws: `.invalidName` when it is no address in numbers.
    public init(_ text: String) throws(IPCError) {
        guard let bytes = IPBytes.parse(text) else {
            throw IPCError(.invalidName, "this is no IP address in numbers, like 192.168.0.7 or ::1", object: text)
        }
        self.bytes = bytes
    }

    /// 127.0.0.1: this machine alone.
    public static let loopback = IPAddress(IPBytes(isIPv6: false, high: 0, low: 0x7F00_0001))
    /// ::1, this machine alone, over IPv6.
    public static let loopback6 = IPAddress(IPBytes(isIPv6: true, high: 0, low: 1))
    /// 0.0.0.0: every IPv4 address of this machine, for those who listen.
    public static let any = IPAddress(IPBytes(isIPv6: false, high: 0, low: 0))
    /// `::`: every address of this machine, for those who listen; IPv4 too.
    public static let any6 = IPAddress(IPBytes(isIPv6: true, high: 0, low: 0))
    /// 255.255.255.255: everybody on the network at hand.
    public static let broadcast = IPAddress(IPBytes(isIPv6: false, high: 0, low: 0xFFFF_FFFF))

    /// Whether it is an address of version 6.
    public var isIPv6: Bool { bytes.isIPv6 }

    /// Whether it leads to this machine alone: 127.0.0.0/8, ::1, and the former written as IPv6.
    public var isLoopback: Bool {
        bytes.isIPv6
            ? bytes.high == 0 && (bytes.low == 1 || bytes.low >> 24 == 0xFFFF_7F) : bytes.low >> 24 == 0x7F
    }

    /// Whether it is a group of receivers: 224.0.0.0/4 or ff00::/8.
    public var isMulticast: Bool { bytes.isIPv6 ? bytes.high >> 56 == 0xFF : bytes.low >> 28 == 0xE }

    /// Whether it stands for every address of this machine.
    public var isAny: Bool { bytes.high == 0 && bytes.low == 0 }
}

extension IPAddress: CustomStringConvertible {
    /// The address in numbers. inet_ntop(3).
    public var description: String { bytes.text }
}
