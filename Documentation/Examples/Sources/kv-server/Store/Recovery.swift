/// What cannot be, found while a stripe was repaired: somebody wrote into the memory who is no part of this store.
struct StripeDamage: Error, CustomStringConvertible {
    let description: String
}

/// Repairing a stripe: everything that is not a truth is made anew from what can be reached. See the table of deaths at
/// ``StripeMemory``.
extension StripeMemory {
    /// After the death of a process that had the stripe. It may be killed itself and be done again from the beginning.
    func recover() throws(StripeDamage) {
        try rebuild()
        addHeader(StripeHeader.recoveries, 1)
    }

    /// Counts, lists and free blocks, from the chains. A block that no chain leads to is free, whoever took it.
    func rebuild() throws(StripeDamage) {
        forgetCaches()
        for bucket in 0..<shape.bucketCount { try markChain(shape.bucketsAt + 4 * bucket) }
        listPages()
    }

    private func forgetCaches() {
        for word in [
            StripeHeader.count, StripeHeader.usedBytes, StripeHeader.expiring, StripeHeader.firstFreePage,
        ] { setHeader(word, 0) }
        for size in 0..<BlockSize.count { store(UInt32(0), StripeShape.listsAt + 4 * size) }
        for page in 0..<shape.pageCount {
            let kind = kind(page)
            let size = (1...UInt32(BlockSize.count)).contains(kind) ? BlockSize(index: Int(kind) - 1) : nil
            for word in 0..<2 {
                store(size.map { absentBlocks($0, word) } ?? 0, record(page) + PageRecord.blocks + 8 * word)
            }
        }
    }

    /// Marks the blocks of a chain as in use, and counts its entries.
    private func markChain(_ bucket: Int) throws(StripeDamage) {
        var link = bucket
        while case let place = load(link, as: UInt32.self), place != 0 {
            let entry = Entry(self, place)
            try markBlock(entry)
            addHeader(StripeHeader.count, 1)
            if entry.expiry != 0 { addHeader(StripeHeader.expiring, 1) }
            link = entry.offset
        }
    }

    private func markBlock(_ entry: Entry) throws(StripeDamage) {
        guard entry.offset >= shape.heapAt, entry.offset < shape.byteCount else {
            throw StripeDamage(description: "an entry at \(entry.offset) lies outside of the pages")
        }
        let page = page(of: entry.offset)
        let kind = kind(page)
        let within = entry.offset - start(of: page)
        let blockByteCount: Int
        if kind & PageRecord.run != 0 {
            let count = Int(kind & ~PageRecord.run)
            guard within == 0, count >= 1, page + count <= shape.pageCount, !isInUse(page, 0) else {
                throw StripeDamage(description: "page \(page) is not the first of \(count)")
            }
            blockByteCount = count * StripeShape.pageByteCount
            mark(page, 0, inUse: true)
        } else {
            guard (1...UInt32(BlockSize.count)).contains(kind) else {
                throw StripeDamage(description: "an entry lies in page \(page), which is free")
            }
            let size = BlockSize(index: Int(kind) - 1)
            let block = within / size.byteCount
            guard within % size.byteCount == 0, block < size.blocksInPage, !isInUse(page, block) else {
                throw StripeDamage(description: "an entry at \(entry.offset) is not the only one of its block")
            }
            blockByteCount = size.byteCount
            mark(page, block, inUse: true)
        }
        guard entry.byteCount <= blockByteCount else {
            throw StripeDamage(description: "an entry of \(entry.byteCount) bytes in a block of \(blockByteCount)")
        }
        addHeader(StripeHeader.usedBytes, blockByteCount)
    }

    /// Frees the pages in which nothing was marked, and lists those that have free blocks.
    private func listPages() {
        var page = 0
        while page < shape.pageCount {
            let kind = kind(page)
            if kind & PageRecord.run != 0, isInUse(page, 0) {
                for other in page + 1..<page + Int(kind & ~PageRecord.run) { setKind(other, PageRecord.continuation) }
                page += Int(kind & ~PageRecord.run)
                continue
            }
            if (1...UInt32(BlockSize.count)).contains(kind), !isEmpty(page, BlockSize(index: Int(kind) - 1)) {
                if !isFull(page) { insert(page, StripeShape.listsAt + 4 * (Int(kind) - 1)) }
            } else {
                setKind(page, 0)
            }
            page += 1
        }
    }
}
