import Glibc

/// The table of a stripe: chains of entries, one for each bucket. Here is every step that changes what is true.
///
/// **What a death leaves.** The truth is what can be reached: bucket, entry, next entry. It changes by single stores of one
/// word (``StripeMemory/commit(_:_:)``), and everything for a change is prepared where nobody can reach it:
///
/// | a change | is prepared | the one store | then |
/// |---|---|---|---|
/// | a new key | an entry in a free block, whole, before the first of the chain | the bucket | the count |
/// | a new value of a key | an entry in a free block, whole, before the one after the old | what led to the old entry | the old block is freed |
/// | a key goes, or has expired | nothing | what led to its entry: now to the next one | its block is freed |
/// | a number grows | nothing | the number | nothing |
/// | a key's time changes | nothing | the time | the count of those that expire |
///
/// So a process that is killed at any instruction leaves the old value or the new one. What may be wrong then are caches:
/// counts, lists of free blocks, a block that was taken and is not linked. Whoever has the stripe's lock next is told of the
/// death, and makes them anew from what can be reached (``StripeMemory/recover()``) before anybody looks. If it is killed in
/// there, the next one does the same again.
///
/// An answer leaves only after the store, so what a client was told is in memory, and memory outlives processes.
extension StripeMemory {
    /// An entry, and the word that leads to it.
    struct Found {
        let entry: Entry
        let link: Int
    }

    /// The live entry of a key. One that has expired goes.
    func find(_ key: UnsafeRawBufferPointer, _ hash: KeyHash, now: UInt64) -> Found? {
        var link = shape.bucketsAt + 4 * hash.bucket(of: shape.bucketCount)
        while case let place = load(link, as: UInt32.self), place != 0 {
            let entry = Entry(self, place)
            if entry.tag & ~1 == hash.tag, entry.keyCount == key.count, isEqual(entry.key, key) {
                guard entry.isExpired(now) else { return Found(entry: entry, link: link) }
                remove(Found(entry: entry, link: link))
                return nil
            }
            link = entry.offset
        }
        return nil
    }

    /// Gives `key` a value, in the place of `old`, its present entry.
    ///
    /// - Returns: false when there is no room, and nothing was changed.
    func put(
        _ key: UnsafeRawBufferPointer, _ hash: KeyHash, _ value: NewValue, expiry: UInt64, over old: Found?
    ) -> Bool {
        guard let block = allocate(Entry.headerByteCount + key.count + value.byteCount) else { return false }
        let bucket = shape.bucketsAt + 4 * hash.bucket(of: shape.bucketCount)
        let next = old.map { $0.entry.next } ?? load(bucket, as: UInt32.self)
        Entry(self, block).fill(next: next, hash: hash, key: key, value: value, expiry: expiry)
        commit(block, old?.link ?? bucket)
        if let old {
            if old.entry.expiry != 0 { addHeader(StripeHeader.expiring, -1) }
            free(old.entry.place)
        } else {
            addHeader(StripeHeader.count, 1)
        }
        if expiry != 0 { addHeader(StripeHeader.expiring, 1) }
        return true
    }

    /// Takes an entry out of the table.
    func remove(_ found: Found) {
        commit(found.entry.next, found.link)
        addHeader(StripeHeader.count, -1)
        if found.entry.expiry != 0 { addHeader(StripeHeader.expiring, -1) }
        free(found.entry.place)
    }

    func setNumber(_ entry: Entry, _ number: Int64) { commit(UInt64(bitPattern: number), entry.offset + 24) }

    func setExpiry(_ entry: Entry, _ expiry: UInt64) {
        let before = entry.expiry
        commit(expiry, entry.offset + 16)
        addHeader(StripeHeader.expiring, (expiry != 0 ? 1 : 0) - (before != 0 ? 1 : 0))
    }

    /// Empties the stripe. A death in the middle leaves some of the keys.
    func removeAll() throws(StripeDamage) {
        for bucket in 0..<shape.bucketCount where load(shape.bucketsAt + 4 * bucket, as: UInt32.self) != 0 {
            commit(UInt32(0), shape.bucketsAt + 4 * bucket)
        }
        try rebuild()
    }

    /// Takes out what has expired in the next `bucketCount` buckets.
    func sweep(_ bucketCount: Int, now: UInt64) {
        guard header(StripeHeader.expiring) > 0 else { return }
        var bucket = header(StripeHeader.nextToSweep) & (shape.bucketCount - 1)
        for _ in 0..<bucketCount {
            var link = shape.bucketsAt + 4 * bucket
            while case let place = load(link, as: UInt32.self), place != 0 {
                let entry = Entry(self, place)
                if entry.isExpired(now) {
                    remove(Found(entry: entry, link: link))
                } else {
                    link = entry.offset
                }
            }
            bucket = (bucket + 1) & (shape.bucketCount - 1)
        }
        setHeader(StripeHeader.nextToSweep, bucket)
    }

    private func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let first = left.baseAddress, let second = right.baseAddress else { return left.count == right.count }
        return memcmp(first, second, left.count) == 0
    }
}
