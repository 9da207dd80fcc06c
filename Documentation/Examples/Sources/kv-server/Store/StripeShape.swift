/// Where things are in the bytes of one stripe. All zeros are an empty stripe, so a new one needs no setting up.
///
/// | from | what |
/// |---|---|
/// | 0 | the header: counts, and where searches go on (``StripeHeader``) |
/// | 64 | for each size of block the first page that has a free one: its number and 1, 4 bytes; 0 for none |
/// | `bucketsAt` | the buckets: the first entry of each chain, 4 bytes |
/// | `recordsAt` | the records of the pages, 32 bytes each (``PageRecord``) |
/// | `heapAt` | the pages |
///
/// Places of blocks are written as the offset divided by 16, so that they are words of 32 bits that one store changes.
struct StripeShape: Equatable {
    static let pageByteCount = 4096
    static let listsAt = 64
    /// As many as in the store: each process computes the same.
    let bucketCount: Int
    let bucketsAt: Int
    let recordsAt: Int
    let pageCount: Int
    let heapAt: Int

    /// A stripe of about `byteCount` bytes, at least 64 KiB and at most 32 GiB.
    init(byteCount: Int) {
        let byteCount = min(max(byteCount, 65536), 32 << 30)
        // One for each 128 bytes, a power of two: chains stay short even when all entries are of the smallest size.
        bucketCount = 1 << (Int.bitWidth - 1 - (byteCount / 128).leadingZeroBitCount)
        bucketsAt = Self.listsAt + 4 * 32
        recordsAt = bucketsAt + 4 * bucketCount
        pageCount = (byteCount - recordsAt) / (Self.pageByteCount + PageRecord.byteCount)
        heapAt = (recordsAt + PageRecord.byteCount * pageCount + 63) & ~63
    }

    /// How many bytes it takes.
    var byteCount: Int { heapAt + Self.pageByteCount * pageCount }

    /// The largest entry: half of the pages, so that an old and a new value have room beside each other.
    var largestEntry: Int { pageCount / 2 * Self.pageByteCount }
}

/// The first words of a stripe. All but the last are caches, made anew after a death.
enum StripeHeader {
    /// Entries, expired ones too.
    static let count = 0
    /// Bytes of the blocks that entries have.
    static let usedBytes = 8
    /// Entries that expire.
    static let expiring = 16
    /// No page before this one is free.
    static let firstFreePage = 24
    /// The bucket where looking for expired entries goes on.
    static let nextToSweep = 32
    /// How often a dead process had the stripe. A count for people: it may miss one.
    static let recoveries = 40
}

/// What is known of one page: 32 bytes.
///
/// `kind` says what the blocks in it are, and is the truth as far as an entry lies there: it is written before an entry of the
/// page is linked and not changed before the last one is unlinked. The rest is a cache, made anew after a death.
enum PageRecord {
    static let byteCount = 32
    /// 0 for a free page; a size of block and 1; ``run`` with the number of pages; or ``continuation``.
    static let kind = 0
    /// Neighbours in the list of pages with free blocks of that size: number and 1, 0 for none.
    static let next = 8
    static let previous = 12
    /// A bit for each block, 1 where it is in use or does not exist.
    static let blocks = 16

    static let run: UInt32 = 1 << 31
    static let continuation: UInt32 = 1 << 30
}

/// The sizes of blocks that share a page: 32 to 128 in steps of 16, then four for each doubling, up to 2,048. What is larger
/// has pages of its own.
struct BlockSize: Equatable {
    static let count = 23
    static let largest = 2048
    let index: Int

    init(index: Int) { self.index = index }

    /// The smallest one for `byteCount` bytes, which are not more than ``largest``.
    init(holding byteCount: Int) {
        if byteCount <= 128 {
            index = max(0, (byteCount + 15) / 16 - 2)
        } else {
            let log = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
            index = 7 + (log - 7) * 4 + ((byteCount - 1) >> (log - 2)) & 3
        }
    }

    var byteCount: Int {
        if index < 7 { return (index + 2) * 16 }
        let (group, part) = ((index - 7) / 4, (index - 7) % 4)
        return (4 + part + 1) << (group + 5)
    }

    var blocksInPage: Int { StripeShape.pageByteCount / byteCount }
}
