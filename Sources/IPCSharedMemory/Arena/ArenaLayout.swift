import IPCCore
import IPCSystem

/// Where things lie in the memory of an arena. All numbers are in host byte order.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | the serial number that the youngest block has |
/// | 8 | 8 | bytes in use, with the headers of their blocks; a cache |
/// | 16 | 8 | blocks in use; a cache |
/// | 24 | 4 | process id of the owner, for people |
/// | 128 | | the roots: an ``ArenaTable`` |
/// | behind them | | blocks, one behind the other up to the end |
///
/// A block is a header of 32 bytes and what it holds:
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | its ``BlockWord``: state and size. What this word says is so; nothing else in the arena says it |
/// | 8 | 8 | fingerprint of what it holds |
/// | 16 | 4 | its serial number |
/// | 20 | 4 | which of its words count: ``ArenaShape`` |
/// | 24 | 8 | capacity of what it holds: elements, bytes or entries |
enum ArenaLayout {
    static let region = RegionLayout("swift-ipc.arena", version: 1)

    /// Blocks begin at multiples of this and have sizes that are.
    static let granule = 32
    static let headerByteCount = 32

    static let serialOffset = 0
    static let usedBytesOffset = 8
    static let usedBlocksOffset = 16
    static let ownerProcessOffset = 24
    static let rootsOffset = 128
    static let maximumRootCount = 128

    static let fingerprintOffset = 8
    static let blockSerialOffset = 16
    static let shapeOffset = 20
    static let capacityOffset = 24

    /// Where the blocks begin.
    static var heapStart: Int { roundUp(rootsOffset + RootTable.byteCount(slotCount: maximumRootCount), granule) }

    /// Places are 32 bits wide, in granules.
    static let maximumByteCount = Int(UInt32.max) * granule

    /// The smallest arena that has room for one small block.
    static var minimumByteCount: Int { heapStart + 4 * granule }

    /// Where the blocks of an arena of `byteCount` bytes end.
    static func heapEnd(_ byteCount: Int) -> Int { byteCount / granule * granule }

    static func roundUp(_ count: Int, _ step: Int) -> Int { (count + step - 1) / step * step }

    /// One free block, in memory that is zero.
    static func format(_ memory: SharedBytes) {
        let size = heapEnd(memory.byteCount) - heapStart
        memory.word64(heapStart).storeReleasing(BlockWord(.free, size).raw(at: heapStart))
    }
}

/// The state and the size of a block in one word, so that one store changes both.
struct BlockWord: Equatable {
    enum State: UInt8 {
        /// Nobody's.
        case free = 1
        /// An owner is filling it, or was killed while it did: nobody knows of it yet.
        case making = 2
        /// It holds something.
        case used = 3
    }

    let state: State
    /// With the header.
    let byteCount: Int

    init(_ state: State, _ byteCount: Int) {
        self.state = state
        self.byteCount = byteCount
    }

    /// The word of the block at `offset`: 8 bits of state, 8 bits that depend on all others and on the offset, 48 of size.
    func raw(at offset: Int) -> UInt64 {
        UInt64(byteCount) << 16 | Self.check(state.rawValue, byteCount, offset) << 8 | UInt64(state.rawValue)
    }

    /// nil for a word that no block at `offset` has that ends at `end` or before.
    init?(raw: UInt64, at offset: Int, end: Int) {
        guard let state = State(rawValue: UInt8(truncatingIfNeeded: raw)) else { return nil }
        let size = Int(raw >> 16)
        guard size >= ArenaLayout.headerByteCount, size % ArenaLayout.granule == 0, size <= end - offset,
            raw >> 8 & 0xFF == Self.check(state.rawValue, size, offset)
        else { return nil }
        self.init(state, size)
    }

    private static func check(_ state: UInt8, _ size: Int, _ offset: Int) -> UInt64 {
        let mixed = (UInt64(size) << 8 | UInt64(state)) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(offset)
        return (mixed &* 0xD6E8_FEB8_6659_FD93) >> 56
    }
}

/// Where a block lies and which one it is: 32 bits of granules and 32 bits of serial number. No block has 0.
package struct BlockPlace: Hashable {
    package let raw: UInt64

    init(raw: UInt64) { self.raw = raw }

    init(offset: Int, serial: UInt32) {
        raw = UInt64(serial) << 32 | UInt64(offset / ArenaLayout.granule)
    }

    package var offset: Int { Int(UInt32(truncatingIfNeeded: raw)) * ArenaLayout.granule }
    var serial: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }
}
