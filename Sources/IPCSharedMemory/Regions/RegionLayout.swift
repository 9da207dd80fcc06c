public import IPCCore

/// What lies in a region: a name, a version and a fingerprint that whoever opens it compares with what it expects.
///
/// A region with a layout begins with a header of 4,096 bytes that says it; a region without one is bytes from the first
/// to the last, as a C program or a file on disk has them.
///
/// ```swift
/// let layout = RegionLayout("com.example.prices", version: 2, of: Prices.self)
/// let region = try SharedMemory(at: .named("prices"), .openOrCreate, byteCount: 65536, layout: layout)
/// ```
public struct RegionLayout: Sendable, Hashable {
    /// What the region is for, 1 to 64 bytes of UTF-8. A name in reverse domain style belongs to nobody else.
    public var name: String
    /// The version of the layout: raise it when the meaning of the bytes changes.
    public var version: UInt32
    /// A number that is the same when the types in the region are. 0 when there is nothing to compare.
    public var fingerprint: UInt64
    /// The type in words, for errors; no part of what is compared.
    var content: String?

    /// A layout with a fingerprint of the program's own making.
    public init(_ name: String, version: UInt32 = 1, fingerprint: UInt64 = 0) {
        self.name = name
        self.version = version
        self.fingerprint = fingerprint
    }

    /// A layout with the fingerprint of a type: of its name, its size and, where Swift lays it out, its fields.
    public init<Value: PlainData>(_ name: String, version: UInt32 = 1, of type: Value.Type) {
        self.init(name, version: version, fingerprint: PlainDataFingerprint.of(type))
        content = PlainDataFingerprint.words(for: type)
    }

    /// Whether name, version and fingerprint are the same.
    public static func == (first: RegionLayout, second: RegionLayout) -> Bool {
        first.name == second.name && first.version == second.version && first.fingerprint == second.fingerprint
    }

    /// Hashes name, version and fingerprint.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(version)
        hasher.combine(fingerprint)
    }

    /// The longest name in bytes.
    static let maximumNameLength = 64

    var description: String {
        let type = content.map { " of \($0)" } ?? ""
        return "\(name) version \(version)\(type), fingerprint \(String(fingerprint, radix: 16))"
    }
}
