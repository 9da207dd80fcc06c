import IPCCore
import IPCSystem
import Synchronization

/// What the owner of an arena knows of its blocks.
///
/// The blocks in the memory are the truth: each says its state and size in one word, and one store changes it. So an owner
/// can be killed between any two stores and the blocks still follow one another to the end; at worst one is left in the
/// state `making`. The lists of free blocks lie in the owner's own memory, made anew by whoever claims the arena, so that
/// nobody can break them from outside.
struct ArenaHeap {
    let memory: SharedBytes
    private let start: Int
    private let end: Int
    /// Sizes of blocks in use by their offsets.
    private(set) var used: [Int: Int] = [:]
    private var free = FreeBlocks()
    private(set) var usedByteCount = 0
    /// Blocks that a killed owner was making.
    private(set) var recoveredBlockCount = 0
    private var serial: UInt64

    /// Looks at each block.
    ///
    /// - Throws: `.protocolViolation` when they do not follow one another to the end.
    init(_ memory: SharedBytes, _ object: String) throws(IPCError) {
        self.memory = memory
        start = ArenaLayout.heapStart
        end = ArenaLayout.heapEnd(memory.byteCount)
        serial = memory.word64(ArenaLayout.serialOffset).loadRelaxed()
        var offset = start
        var freeBefore: Int?
        while offset < end {
            guard let word = BlockWord(raw: memory.word64(offset).loadAcquiring(), at: offset, end: end) else {
                throw IPCError(
                    .protocolViolation,
                    "claim an arena: the block at \(offset) is damaged; remove the arena and make it anew",
                    object: object)
            }
            switch word.state {
            case .used:
                used[offset] = word.byteCount
                usedByteCount += word.byteCount
                freeBefore = nil
            case .free, .making:
                if word.state == .making { recoveredBlockCount += 1 }
                let first = freeBefore ?? offset
                let size = offset - first + word.byteCount
                setFree(first, size)
                KillPoints.pass("arena recovered")
                if let freeBefore { free.remove(freeBefore) }
                free.insert(first, size)
                freeBefore = first
            }
            offset += word.byteCount
        }
        publishCounts()
    }

    var freeByteCount: Int { end - start - usedByteCount }
    var largestFreeByteCount: Int { max(0, free.largest - ArenaLayout.headerByteCount) }

    /// A block for `byteCount` bytes, zeroed and then filled by `initialize`.
    ///
    /// - Throws: `.resourceExhausted`.
    mutating func allocate(
        _ byteCount: Int, _ shape: ArenaShape, fingerprint: UInt64, capacity: Int, _ object: String,
        _ initialize: (SharedBytes) -> Void
    ) throws(IPCError) -> BlockPlace {
        let (sum, overflow) = byteCount.addingReportingOverflow(ArenaLayout.headerByteCount + ArenaLayout.granule)
        let need = overflow ? .max : (sum - 1) / ArenaLayout.granule * ArenaLayout.granule
        guard let (offset, found) = free.take(need) else {
            throw IPCError(
                .resourceExhausted,
                """
                allocate in an arena: \(byteCount) bytes are not free in one piece \
                (\(freeByteCount) are in all, at most \(largestFreeByteCount) in one); free some or make a larger arena
                """, object: object)
        }
        var size = found
        if found - need >= 2 * ArenaLayout.granule {
            // The rest gets its header while it is still inside of the free block, where nobody looks.
            size = need
            memory.word64(offset + need).storeReleasing(
                BlockWord(.free, found - need).raw(at: offset + need))
            free.insert(offset + need, found - need)
            KillPoints.pass("arena split")
        }
        serial &+= 1
        memory.word64(ArenaLayout.serialOffset).storeRelaxed(serial)
        let number = UInt32(truncatingIfNeeded: serial)
        memory.word64(offset + ArenaLayout.fingerprintOffset).storeRelaxed(fingerprint)
        memory.word32(offset + ArenaLayout.blockSerialOffset).storeRelaxed(number)
        memory.word32(offset + ArenaLayout.shapeOffset).storeRelaxed(shape.raw)
        memory.word64(offset + ArenaLayout.capacityOffset).storeRelaxed(UInt64(capacity))
        KillPoints.pass("arena described")
        memory.word64(offset).storeReleasing(BlockWord(.making, size).raw(at: offset))
        KillPoints.pass("arena reserved")
        let contents = size - ArenaLayout.headerByteCount
        memory.clearWords(offset + ArenaLayout.headerByteCount, contents)
        initialize(memory.slice(offset + ArenaLayout.headerByteCount, contents))
        KillPoints.pass("arena filled")
        memory.word64(offset).storeReleasing(BlockWord(.used, size).raw(at: offset))
        KillPoints.pass("arena allocated")
        used[offset] = size
        usedByteCount += size
        publishCounts()
        return BlockPlace(offset: offset, serial: number)
    }

    /// Whether `place` is a block in use.
    func holds(_ place: BlockPlace) -> Bool {
        used[place.offset] != nil
            && memory.word32(place.offset + ArenaLayout.blockSerialOffset).loadRelaxed() == place.serial
    }

    /// Gives the block at `offset` back, which must be in use, and joins it with its free neighbours.
    mutating func release(_ offset: Int) {
        guard let size = used.removeValue(forKey: offset) else { preconditionFailure("a block that is not in use") }
        usedByteCount -= size
        // First the block itself: from here on those who still have its place are told so. What follows is not seen
        // before this by anybody.
        setFree(offset, size)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        KillPoints.pass("arena freed")
        var (first, total) = (offset, size)
        if let next = free.size(at: offset + size) {
            free.remove(offset + size)
            total += next
            setFree(first, total)
            KillPoints.pass("arena joined after")
        }
        if let before = free.start(endingAt: offset), let size = free.size(at: before) {
            free.remove(before)
            first = before
            total += size
            setFree(first, total)
            KillPoints.pass("arena joined before")
        }
        free.insert(first, total)
        publishCounts()
    }

    private func setFree(_ offset: Int, _ size: Int) {
        memory.word64(offset).storeSequential(BlockWord(.free, size).raw(at: offset))
    }

    private func publishCounts() {
        memory.word64(ArenaLayout.usedBytesOffset).storeRelaxed(UInt64(usedByteCount))
        memory.word64(ArenaLayout.usedBlocksOffset).storeRelaxed(UInt64(used.count))
    }
}
