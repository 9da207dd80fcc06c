/// Who may use a named object: the nine bits of a file mode. Given exactly as asked, whatever the umask. chmod(2).
///
/// An integer literal will do: `permissions: 0o660`.
public struct AccessPermissions: RawRepresentable, Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// The bits, 0 to 0o777.
    public let rawValue: UInt32

    /// The lowest nine bits of `rawValue`.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue & 0o777
    }

    /// The lowest nine bits of `value`.
    public init(integerLiteral value: UInt32) {
        self.init(rawValue: value)
    }

    /// 0600: the owner alone reads and writes.
    public static let ownerOnly: AccessPermissions = 0o600
    /// 0660: the owner and the group read and write.
    public static let ownerAndGroup: AccessPermissions = 0o660
    /// 0666: everybody reads and writes.
    public static let everyone: AccessPermissions = 0o666
}

extension AccessPermissions: CustomStringConvertible {
    /// Four octal digits, as chmod(1) takes them.
    public var description: String {
        let digits = String(rawValue, radix: 8)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
