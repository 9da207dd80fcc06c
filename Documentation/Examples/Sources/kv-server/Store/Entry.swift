/// A key and its value in one block.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 4 | the next entry of the chain, 0 for none |
/// | 4 | 4 | bytes of the key |
/// | 8 | 4 | bytes of the value; 8 for a number |
/// | 12 | 4 | bits of the key's hash; the lowest bit is 1 for a number |
/// | 16 | 8 | when it expires, in milliseconds of ``StoreClock``; 0 for never |
/// | 24 | | the value, if it is a number, 8 bytes that are changed in place in one step |
/// | then | | the key, and the value if it is no number |
///
/// Nothing of an entry that is linked is changed but its next entry, its time and its number: each one word, one store.
struct Entry {
    static let headerByteCount = 24
    let memory: StripeMemory
    let offset: Int

    init(_ memory: StripeMemory, _ place: UInt32) {
        self.memory = memory
        offset = Int(place) << 4
    }

    var place: UInt32 { UInt32(offset >> 4) }
    var next: UInt32 { memory.load(offset, as: UInt32.self) }
    var keyCount: Int { Int(memory.load(offset + 4, as: UInt32.self)) }
    var valueCount: Int { Int(memory.load(offset + 8, as: UInt32.self)) }
    var tag: UInt32 { memory.load(offset + 12, as: UInt32.self) }
    var isNumber: Bool { tag & 1 == 1 }
    var expiry: UInt64 { memory.load(offset + 16, as: UInt64.self) }
    var number: Int64 { memory.load(offset + 24, as: Int64.self) }

    private var keyOffset: Int { offset + Self.headerByteCount + (isNumber ? 8 : 0) }

    var key: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory.base + keyOffset, count: keyCount)
    }

    /// The value's bytes, of one that is no number.
    var value: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory.base + offset + Self.headerByteCount + keyCount, count: valueCount)
    }

    /// Bytes of its block that it needs.
    var byteCount: Int { Self.headerByteCount + keyCount + valueCount }

    /// Whether its time is over.
    func isExpired(_ now: UInt64) -> Bool {
        let expiry = expiry
        return expiry != 0 && expiry <= now
    }

    /// Writes a whole entry into a block that nobody knows of yet.
    func fill(next: UInt32, hash: KeyHash, key: UnsafeRawBufferPointer, value: NewValue, expiry: UInt64) {
        memory.store(next, offset)
        memory.store(UInt32(key.count), offset + 4)
        memory.store(UInt32(value.byteCount), offset + 8)
        memory.store(expiry, offset + 16)
        var end = offset + Self.headerByteCount
        switch value {
        case .number(let number):
            memory.store(hash.tag | 1, offset + 12)
            memory.store(number, end)
            end += 8
            memory.store(key, end)
        case .bytes(let bytes):
            memory.store(hash.tag, offset + 12)
            memory.store(key, end)
            memory.store(bytes, end + key.count)
        }
    }
}

/// A value that is to be stored.
enum NewValue {
    case bytes(UnsafeRawBufferPointer)
    case number(Int64)

    var byteCount: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .number: 8
        }
    }
}

/// The hash of a key, the same in all processes: which stripe, which bucket, and some bits to tell entries apart.
struct KeyHash {
    let bits: UInt64

    /// `seed` is the store's own, so that nobody outside knows which keys share a chain.
    init(_ key: UnsafeRawBufferPointer, seed: UInt64) {
        var hash = seed ^ (UInt64(truncatingIfNeeded: key.count) &* 0x9E37_79B9_7F4A_7C15)
        var offset = 0
        while offset + 8 <= key.count {
            hash = Self.fold(hash ^ key.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < key.count {
            rest = rest << 8 | UInt64(key[offset])
            offset += 1
        }
        bits = Self.fold(Self.fold(hash ^ rest) ^ seed)
    }

    private static func fold(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low ^ word
    }

    func stripe(of count: Int) -> Int { Int(bits >> 40) % count }
    func bucket(of count: Int) -> Int { Int(truncatingIfNeeded: bits) & (count - 1) }
    var tag: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) & ~1 }
}
