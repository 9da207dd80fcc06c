import CIPC

/// The bytes of an IP address.
package struct IPBytes: Sendable, Hashable {
    package var isIPv6: Bool
    /// The first eight bytes of an IPv6 address as a number; 0 for IPv4.
    package var high: UInt64
    /// The last eight bytes of an IPv6 address, or the four of an IPv4 address, as a number.
    package var low: UInt64
    /// The index of the interface that a link-local IPv6 address belongs to; 0 where there is none.
    package var scope: UInt32

    package init(isIPv6: Bool, high: UInt64, low: UInt64, scope: UInt32 = 0) {
        self.isIPv6 = isIPv6
        self.high = high
        self.low = low
        self.scope = scope
    }

    /// The address that `text` writes out in numbers; nil if it does not.
    package static func parse(_ text: String) -> IPBytes? {
        guard !text.utf8.contains(0) else { return nil }
        var raw = cipc_address()
        guard unsafe cipc_parse_ip(text, &raw) > 0, case .ip(let bytes, _) = NetworkAddress(raw) else { return nil }
        return bytes
    }

    /// The address in numbers.
    package var text: String {
        var raw = NetworkAddress.ip(self, port: 0).raw
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 80) { room in
            // SAFETY: the shim writes at most so many bytes, the last of them zero, or fails.
            guard unsafe cipc_format_ip(&raw, room.baseAddress!, room.count) == 0 else { return "?" }
            return unsafe String(cString: room.baseAddress!)
        }
    }
}

/// An address of a socket, of any family.
package enum NetworkAddress: Sendable, Hashable {
    case unix(path: [UInt8])
    case abstract([UInt8])
    /// A Unix socket without a name.
    case unnamed
    case ip(IPBytes, port: UInt16)
    case vsock(context: UInt32, port: UInt32)
    /// A family that this package does not know.
    case other

    /// The longest name that a Unix socket can have, in bytes.
    package static let maximumNameLength = 107

    init(_ raw: cipc_address) {
        switch raw.family {
        case Int32(CIPC_FAMILY_UNIX):
            let name = Self.bytes(of: raw, Int(raw.name_count))
            self =
                name.isEmpty && raw.is_abstract == 0
                ? .unnamed : raw.is_abstract != 0 ? .abstract(name) : .unix(path: name)
        case Int32(CIPC_FAMILY_IPV4):
            self = .ip(
                IPBytes(isIPv6: false, high: 0, low: Self.number(Self.bytes(of: raw, 4)[...])),
                port: UInt16(truncatingIfNeeded: raw.port))
        case Int32(CIPC_FAMILY_IPV6):
            let bytes = Self.bytes(of: raw, 16)
            self = .ip(
                IPBytes(
                    isIPv6: true, high: Self.number(bytes[..<8]), low: Self.number(bytes[8...]), scope: raw.scope),
                port: UInt16(truncatingIfNeeded: raw.port))
        case Int32(CIPC_FAMILY_VSOCK):
            self = .vsock(context: raw.scope, port: raw.port)
        default:
            self = .other
        }
    }

    var raw: cipc_address {
        var raw = cipc_address()
        switch self {
        case .unix(let path):
            raw.family = Int32(CIPC_FAMILY_UNIX)
            Self.put(path, into: &raw)
        case .abstract(let name):
            raw.family = Int32(CIPC_FAMILY_UNIX)
            raw.is_abstract = 1
            Self.put(name, into: &raw)
        case .unnamed:
            raw.family = Int32(CIPC_FAMILY_UNIX)
        case .ip(let address, let port):
            raw.family = Int32(address.isIPv6 ? CIPC_FAMILY_IPV6 : CIPC_FAMILY_IPV4)
            raw.port = UInt32(port)
            raw.scope = address.scope
            unsafe withUnsafeMutableBytes(of: &raw.bytes) { bytes in
                if address.isIPv6 {
                    unsafe bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                    unsafe bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
                } else {
                    unsafe bytes.storeBytes(
                        of: UInt32(truncatingIfNeeded: address.low).bigEndian, toByteOffset: 0, as: UInt32.self)
                }
            }
        case .vsock(let context, let port):
            raw.family = Int32(CIPC_FAMILY_VSOCK)
            raw.port = port
            raw.scope = context
        case .other:
            break
        }
        return raw
    }

    package var family: NetworkCalls.Family {
        switch self {
        case .unix, .abstract, .unnamed: .unix
        case .ip(let address, _): address.isIPv6 ? .ipv6 : .ipv4
        case .vsock: .vsock
        case .other: .other
        }
    }

    private static func bytes(of raw: cipc_address, _ count: Int) -> [UInt8] {
        unsafe withUnsafeBytes(of: raw.bytes) { unsafe Array($0.prefix(count)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    private static func put(_ name: [UInt8], into raw: inout cipc_address) {
        raw.name_count = UInt32(name.count)
        unsafe withUnsafeMutableBytes(of: &raw.bytes) { unsafe $0.copyBytes(from: name.prefix($0.count)) }
    }
}
