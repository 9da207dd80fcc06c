import IPCCore

/// A hash that is the same in every process: Swift's own begins differently in each.
enum StableHash {
    /// FNV-1a over the bytes, then the finaliser of MurmurHash3, so that the low bits depend on all.
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<bytes.count { hash = (hash ^ UInt64(unsafe bytes[index])) &* 0x100_0000_01B3 }
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }

    /// The fingerprint of a kind of content with those of its parts.
    static func fingerprint(_ kind: String, _ parts: UInt64...) -> UInt64 {
        parts.reduce(PlainDataFingerprint.hash(kind)) { ($0 ^ $1) &* 0x9E37_79B9_7F4A_7C15 ^ $0 >> 29 }
    }
}
