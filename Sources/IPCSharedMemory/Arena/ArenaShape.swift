import IPCSystem

/// Content that says which words of its block count.
protocol ArenaShaped {
    static var shape: ArenaShape { get }
}

/// Which words of a block count: what else lies there was removed, or is a change that was never made valid.
///
/// 32 bits in the header of a block: 3 for the kind, and for the rest of them what that kind says.
struct ArenaShape {
    let raw: UInt32

    private init(kind: UInt32, rest: UInt32) { raw = kind | rest << 3 }

    /// Read from a header; whatever it says, ``ranges(in:capacity:)`` stays within the block.
    init(raw: UInt32) { self.raw = raw }

    /// No word of it is a pointer.
    static let leaf = ArenaShape(kind: 1, rest: 0)

    /// Every word counts.
    static let all = ArenaShape(kind: 0, rest: 0)

    /// A ``TwinSlot`` at 0.
    static func single(valueByteCount: Int) -> ArenaShape {
        guard let units = units(valueByteCount, bits: 16) else { return .all }
        return ArenaShape(kind: 2, rest: units)
    }

    /// A count at 0 and elements from 16 on.
    static func array(stride: Int) -> ArenaShape {
        guard stride < 1 << 29 else { return .all }
        return ArenaShape(kind: 3, rest: UInt32(stride))
    }

    /// An ``ArenaTable`` from 8 on.
    static func map(keyByteCount: Int, valueByteCount: Int) -> ArenaShape {
        guard let key = units(keyByteCount, bits: 13), let value = units(valueByteCount, bits: 16) else { return .all }
        return ArenaShape(kind: 4, rest: key << 16 | value)
    }

    /// What it says of sizes, for errors.
    var words: String {
        let rest = Int(raw >> 3)
        return switch raw & 7 {
        case 1: " (text)"
        case 2: " (a value of \(rest * 8) bytes, rounded up)"
        case 3: " (elements of \(rest) bytes)"
        case 4: " (keys of \(rest >> 16 * 8) and values of \((rest & 0xFFFF) * 8) bytes, rounded up)"
        default: ""
        }
    }

    private static func units(_ byteCount: Int, bits: Int) -> UInt32? {
        byteCount / 8 < 1 << bits ? UInt32(byteCount / 8) : nil
    }

    /// The slots of a map for `capacity` entries, a third more than those, so that a key is found after few looks.
    static func slotCount(_ capacity: Int) -> Int? {
        guard capacity > 0, capacity <= 1 << 40 else { return nil }
        let least = capacity + capacity / 3 + 1
        return 1 << (Int.bitWidth - (least - 1).leadingZeroBitCount)
    }

    /// The parts of `contents` whose words count.
    func ranges(in contents: SharedBytes, capacity: Int) -> [Range<Int>] {
        // A block without contents is forged: each kind begins with a word.
        guard contents.byteCount >= 8 else { return [] }
        let rest = Int(raw >> 3)
        let found: [Range<Int>] =
            switch raw & 7 {
            case 1: []
            case 2: [valid(contents, 0, copies: 8, stride: rest * 8)]
            case 3: [elements(contents, stride: rest)]
            case 4: entries(contents, capacity, keyByteCount: rest >> 16 * 8, valueByteCount: (rest & 0xFFFF) * 8)
            default: [0..<contents.byteCount]
            }
        return found.map { $0.clamped(to: 0..<contents.byteCount) }
    }

    private func elements(_ contents: SharedBytes, stride: Int) -> Range<Int> {
        let most = UInt64(contents.byteCount / max(stride, 1))
        return 16..<16 + stride * Int(min(contents.word64(0).loadAcquiring(), most))
    }

    private func valid(_ contents: SharedBytes, _ offset: Int, copies: Int, stride: Int) -> Range<Int> {
        let copy = copies + Int(contents.word64(offset).loadAcquiring() >> 32 & 1) * stride
        return copy..<copy + stride
    }

    private func entries(
        _ contents: SharedBytes, _ capacity: Int, keyByteCount: Int, valueByteCount: Int
    ) -> [Range<Int>] {
        var found: [Range<Int>] = []
        let size = 8 + keyByteCount + 2 * valueByteCount
        for index in 0..<min(Self.slotCount(capacity) ?? 0, contents.byteCount / size) {
            let offset = 8 + index * size
            // 1: the tag of an entry that is there.
            guard offset + size <= contents.byteCount,
                UInt32(truncatingIfNeeded: contents.word64(offset).loadAcquiring()) == 1
            else { continue }
            let copies = offset + 8 + keyByteCount
            found.append(offset + 8..<copies)
            found.append(valid(contents, offset, copies: copies, stride: valueByteCount))
        }
        return found
    }
}
