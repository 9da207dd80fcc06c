/// Blocks for entries. None of its words is a truth that a death could make false: a block is in use if an entry that can be
/// reached lies in it, and ``StripeMemory/recover()`` finds out which those are.
extension StripeMemory {
    func record(_ page: Int) -> Int { shape.recordsAt + page * PageRecord.byteCount }
    func kind(_ page: Int) -> UInt32 { load(record(page) + PageRecord.kind, as: UInt32.self) }
    func setKind(_ page: Int, _ kind: UInt32) { store(kind, record(page) + PageRecord.kind) }
    func page(of offset: Int) -> Int { (offset - shape.heapAt) / StripeShape.pageByteCount }
    func start(of page: Int) -> Int { shape.heapAt + page * StripeShape.pageByteCount }

    /// A block for an entry of `byteCount` bytes; nil when there is no room.
    func allocate(_ byteCount: Int) -> UInt32? {
        guard byteCount <= BlockSize.largest else { return allocateRun(byteCount) }
        let size = BlockSize(holding: byteCount)
        let listHead = StripeShape.listsAt + 4 * size.index
        var page = Int(load(listHead, as: UInt32.self)) - 1
        if page < 0 {
            guard let free = findFreePages(1) else { return nil }
            page = free
            setKind(page, UInt32(size.index + 1))
            for word in 0..<2 { store(absentBlocks(size, word), record(page) + PageRecord.blocks + 8 * word) }
            insert(page, listHead)
        }
        let block = takeBlock(page)
        if isFull(page) { remove(page, listHead) }
        addHeader(StripeHeader.usedBytes, size.byteCount)
        return UInt32((start(of: page) + block * size.byteCount) >> 4)
    }

    /// Gives a block back that no entry refers to any more.
    func free(_ place: UInt32) {
        let offset = Int(place) << 4
        let page = page(of: offset)
        let kind = kind(page)
        guard kind & PageRecord.run == 0 else { return freeRun(page, Int(kind & ~PageRecord.run)) }
        let size = BlockSize(index: Int(kind) - 1)
        let listHead = StripeShape.listsAt + 4 * size.index
        let block = (offset - start(of: page)) / size.byteCount
        let wasFull = isFull(page)
        mark(page, block, inUse: false)
        if wasFull { insert(page, listHead) }
        if isEmpty(page, size) {
            remove(page, listHead)
            setKind(page, 0)
            noteFree(page)
        }
        addHeader(StripeHeader.usedBytes, -size.byteCount)
    }

    // MARK: Pages of blocks

    /// The bits of the blocks that a page does not have.
    func absentBlocks(_ size: BlockSize, _ word: Int) -> UInt64 {
        let present = min(64, max(0, size.blocksInPage - 64 * word))
        return present == 64 ? 0 : ~0 << UInt64(present)
    }

    func blocks(_ page: Int, _ word: Int) -> UInt64 {
        load(record(page) + PageRecord.blocks + 8 * word, as: UInt64.self)
    }

    func isFull(_ page: Int) -> Bool { blocks(page, 0) & blocks(page, 1) == ~0 }

    func isEmpty(_ page: Int, _ size: BlockSize) -> Bool {
        blocks(page, 0) == absentBlocks(size, 0) && blocks(page, 1) == absentBlocks(size, 1)
    }

    func isInUse(_ page: Int, _ block: Int) -> Bool { blocks(page, block >> 6) >> UInt64(block & 63) & 1 == 1 }

    func mark(_ page: Int, _ block: Int, inUse: Bool) {
        let bit: UInt64 = 1 << UInt64(block & 63)
        let word = blocks(page, block >> 6)
        store(inUse ? word | bit : word & ~bit, record(page) + PageRecord.blocks + 8 * (block >> 6))
    }

    private func takeBlock(_ page: Int) -> Int {
        let first = blocks(page, 0)
        let block = first != ~0 ? (~first).trailingZeroBitCount : 64 + (~blocks(page, 1)).trailingZeroBitCount
        mark(page, block, inUse: true)
        return block
    }

    // MARK: Lists of pages with free blocks

    func insert(_ page: Int, _ listHead: Int) {
        let next = load(listHead, as: UInt32.self)
        store(next, record(page) + PageRecord.next)
        store(UInt32(0), record(page) + PageRecord.previous)
        if next != 0 { store(UInt32(page + 1), record(Int(next) - 1) + PageRecord.previous) }
        store(UInt32(page + 1), listHead)
    }

    private func remove(_ page: Int, _ listHead: Int) {
        let next = load(record(page) + PageRecord.next, as: UInt32.self)
        let previous = load(record(page) + PageRecord.previous, as: UInt32.self)
        if next != 0 { store(previous, record(Int(next) - 1) + PageRecord.previous) }
        store(next, previous == 0 ? listHead : record(Int(previous) - 1) + PageRecord.next)
    }

    // MARK: Whole pages

    private func allocateRun(_ byteCount: Int) -> UInt32? {
        let count = (byteCount + StripeShape.pageByteCount - 1) / StripeShape.pageByteCount
        guard let page = findFreePages(count) else { return nil }
        for other in page + 1..<page + count { setKind(other, PageRecord.continuation) }
        setKind(page, PageRecord.run | UInt32(count))
        addHeader(StripeHeader.usedBytes, count * StripeShape.pageByteCount)
        return UInt32(start(of: page) >> 4)
    }

    private func freeRun(_ page: Int, _ count: Int) {
        for page in page..<page + count { setKind(page, 0) }
        noteFree(page)
        addHeader(StripeHeader.usedBytes, -count * StripeShape.pageByteCount)
    }

    private func noteFree(_ page: Int) {
        if page < header(StripeHeader.firstFreePage) { setHeader(StripeHeader.firstFreePage, page) }
    }

    /// The first page of `count` free ones in a row.
    private func findFreePages(_ count: Int) -> Int? {
        var page = header(StripeHeader.firstFreePage)
        while page < shape.pageCount && kind(page) != 0 { page += 1 }
        setHeader(StripeHeader.firstFreePage, page)
        var found = 0
        while page < shape.pageCount {
            found = kind(page) == 0 ? found + 1 : 0
            page += 1
            if found == count { return page - count }
        }
        return nil
    }
}
