/// A number that tells types of plain data apart: two programs that share memory compare it before they do.
package enum PlainDataFingerprint {
    /// The fingerprint of a type: of its name without its module (two programs seldom have the same), its size,
    /// alignment and stride, and of its fields where they can be told.
    package static func of<Value: PlainData>(_ type: Value.Type) -> UInt64 {
        hash(PlainDataLayout.describe(type))
    }

    /// The type as errors call it: its name and its size.
    package static func words<Value: PlainData>(for type: Value.Type) -> String {
        let size = MemoryLayout<Value>.size
        return "\(type) (\(size) \(size == 1 ? "byte" : "bytes"))"
    }

    /// FNV-1a, 64 bits.
    package static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
