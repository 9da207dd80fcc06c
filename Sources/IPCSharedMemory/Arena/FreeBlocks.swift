/// The free blocks of an arena, by size for who needs one, by both ends for who joins them.
struct FreeBlocks {
    private var sizes: [Int: Int] = [:]
    private var startsByEnd: [Int: Int] = [:]
    /// Offsets of the blocks of 2^n up to 2^(n+1) - 1 bytes.
    private var classes = [Set<Int>](repeating: [], count: Int.bitWidth)
    /// Bit n: class n has blocks.
    private var present: UInt64 = 0

    mutating func insert(_ offset: Int, _ size: Int) {
        sizes[offset] = size
        startsByEnd[offset + size] = offset
        let index = Self.index(size)
        classes[index].insert(offset)
        present |= 1 << UInt64(index)
    }

    mutating func remove(_ offset: Int) {
        guard let size = sizes.removeValue(forKey: offset) else { return }
        startsByEnd[offset + size] = nil
        let index = Self.index(size)
        classes[index].remove(offset)
        if classes[index].isEmpty { present &= ~(1 << UInt64(index)) }
    }

    func size(at offset: Int) -> Int? { sizes[offset] }

    func start(endingAt end: Int) -> Int? { startsByEnd[end] }

    /// Takes a block of at least `size` bytes out: from the smallest class that has one that surely fits, else from the
    /// class where some do.
    mutating func take(_ size: Int) -> (offset: Int, size: Int)? {
        let index = Self.index(size)
        let larger = index + 1 < Int.bitWidth ? present & (UInt64.max << UInt64(index + 1)) : 0
        // A few looks in the own class waste less than cutting up a larger block; all of them come before giving up.
        let near = classes[index].lazy.prefix(larger == 0 ? .max : 8)
        let found = near.first { sizes[$0, default: 0] >= size } ?? classes[safe: larger.trailingZeroBitCount]?.first
        guard let found, let foundSize = sizes[found] else { return nil }
        remove(found)
        return (found, foundSize)
    }

    /// The size of the largest block.
    var largest: Int {
        guard present != 0 else { return 0 }
        return classes[63 - present.leadingZeroBitCount].lazy.map { sizes[$0, default: 0] }.max() ?? 0
    }

    private static func index(_ size: Int) -> Int { Int.bitWidth - 1 - max(size, 1).leadingZeroBitCount }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
