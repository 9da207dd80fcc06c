import IPCSystem

/// Lists and free blocks: the cache, changed with the lock alone.
extension QueueTable {
    // MARK: Messages in order

    /// Puts a message at the end of its list.
    func append(_ link: Link, to list: QueueList) {
        let tail = listTail(list).loadRelaxed()
        setField(link, .nextMessage, 0)
        setField(link, .previousMessage, tail)
        if tail == 0 {
            listHead(list).storeRelaxed(link)
        } else {
            setField(tail, .nextMessage, link)
        }
        listTail(list).storeRelaxed(link)
    }

    /// Puts a message that was there before back into its place, by its number.
    func insert(_ link: Link, into list: QueueList) {
        let number = wide(link, .sequence)
        var (previous, next) = (Link(0), listHead(list).loadRelaxed())
        var steps = shape.blockLimit
        while next != 0, wide(next, .sequence) < number, steps > 0 {
            (previous, next) = (next, field(next, .nextMessage))
            steps -= 1
        }
        guard next != 0 else { return append(link, to: list) }
        setField(link, .nextMessage, next)
        setField(link, .previousMessage, previous)
        setField(next, .previousMessage, link)
        if previous == 0 {
            listHead(list).storeRelaxed(link)
        } else {
            setField(previous, .nextMessage, link)
        }
    }

    /// Takes a message out of its list.
    func remove(_ link: Link, from list: QueueList) {
        let next = field(link, .nextMessage)
        // Of the first message it is not kept up to date, which spares a look at the second.
        if listHead(list).loadRelaxed() == link {
            listHead(list).storeRelaxed(next)
            if next == 0 { listTail(list).storeRelaxed(0) }
            return
        }
        let previous = field(link, .previousMessage)
        setField(previous, .nextMessage, next)
        if next == 0 {
            listTail(list).storeRelaxed(previous)
        } else {
            setField(next, .previousMessage, previous)
        }
    }

    /// A message that can be received from now on, at the end of its priority.
    func appendReady(_ link: Link) {
        let number = priority(link)
        append(link, to: .priority(number))
        let mask = priorityMask
        if mask & 1 << UInt64(number) == 0 { priorityMask = mask | 1 << UInt64(number) }
        add(.depth, 1)
    }

    /// The same for one that was out: at its old place.
    func insertReady(_ link: Link) {
        let number = priority(link)
        insert(link, into: .priority(number))
        priorityMask |= 1 << UInt64(number)
        add(.depth, 1)
    }

    func removeReady(_ link: Link) {
        let number = priority(link)
        let list = QueueList.priority(number)
        remove(link, from: list)
        if listHead(list).loadRelaxed() == 0 { priorityMask &= ~(1 << UInt64(number)) }
        add(.depth, -1)
    }

    /// The message that `selection` takes; 0 when there is none.
    func find(_ selection: QueueSelection) -> Link {
        let mask = priorityMask
        if mask == 0 { return 0 }
        guard case .any = selection else { return search(mask, selection) }
        return listHead(.priority(63 - mask.leadingZeroBitCount)).loadRelaxed()
    }

    private func search(_ mask: UInt64, _ selection: QueueSelection) -> Link {
        var (mask, steps) = (mask, shape.blockLimit)
        var (best, lowest) = (Link(0), Int.max)
        while mask != 0 {
            let number = 63 - mask.leadingZeroBitCount
            mask &= ~(1 << UInt64(number))
            var link = listHead(.priority(number)).loadRelaxed()
            while link != 0, steps > 0 {
                let type = type(link)
                if selection.matches(type: type) {
                    guard case .lowest = selection else { return link }
                    if type < lowest { (best, lowest) = (link, type) }
                }
                link = field(link, .nextMessage)
                steps -= 1
            }
        }
        return best
    }

    // MARK: Blocks

    /// Free blocks, without growing.
    var freeBlocks: Int { Int(get(.freeCount)) + Int(blockCount) - Int(min(highWater, blockCount)) }

    /// Takes `count` blocks, which are there, and links them; the last one's link is 0. Killed meanwhile, they are free.
    func takeBlocks(_ count: Int) -> Link {
        var first: Link = 0
        for _ in 0..<count {
            var link = get(.freeHead)
            if link != 0 {
                let next = field(link, .next)
                if next != 0 { prepare(next) }
                set(.freeHead, next)
                add(.freeCount, -1)
            } else {
                highWater += 1
                link = highWater
            }
            setField(link, .next, first)
            first = link
        }
        return first
    }

    /// Gives the blocks of a message back whose state says free.
    func giveBlocks(_ first: Link, _ count: Int) {
        var last = first
        for _ in 1..<max(count, 1) { last = field(last, .next) }
        setField(last, .next, get(.freeHead))
        set(.freeHead, first)
        add(.freeCount, Int32(count))
    }

    /// That the first lines of a block will be needed soon: another processor has them, mostly.
    @inline(__always)
    func prepare(_ link: Link) {
        // SAFETY: a hint; the lines lie within the block.
        unsafe ProcessorHint.prepareToWrite(bytes.address(offset(link), 128))
        unsafe ProcessorHint.prepareToWrite(bytes.address(offset(link) + 64, 64))
    }

    // MARK: Contents

    /// Calls `body` with each part of a message of `count` bytes: where it lies, where it begins in the message, its length.
    @inline(__always)
    func parts(_ first: Link, _ count: Int, _ body: (_ offset: Int, _ start: Int, _ length: Int) -> Void) {
        var length = min(count, shape.blockSize - QueueShape.headByteCount)
        body(offset(first) + QueueShape.headByteCount, 0, length)
        var (start, link) = (length, first)
        while start < count {
            link = field(link, .next)
            length = min(count - start, shape.blockSize - QueueShape.linkByteCount)
            body(offset(link) + QueueShape.linkByteCount, start, length)
            start += length
        }
    }

    /// Copies a message into memory.
    func fill(_ first: Link, from source: UnsafeRawBufferPointer) {
        parts(first, source.count) { offset, start, length in
            guard let base = source.baseAddress else { return }
            // SAFETY: the part lies within the block, and `length` bytes from `start` on within the source.
            unsafe bytes.address(offset, length).copyMemory(from: base + start, byteCount: length)
        }
    }

    /// Copies a message out.
    func copy(_ first: Link, to target: UnsafeMutableRawBufferPointer) {
        parts(first, target.count) { offset, start, length in
            guard let base = target.baseAddress else { return }
            // SAFETY: as above.
            unsafe (base + start).copyMemory(from: bytes.address(offset, length), byteCount: length)
        }
    }

    /// A sum over a message's words and contents, for files: after the machine has stopped, pages may be of different age.
    func checksum(_ link: Link) -> UInt64 {
        var sum = wide(link, .sequence) ^ wide(link, .type) &* 0x9e37_79b9_7f4a_7c15
        sum = (sum ^ UInt64(size(link)) << 8 ^ UInt64(priority(link))) &* 0x100_0000_01b3
        parts(link, size(link)) { offset, _, length in
            for index in 0..<length / 8 {
                sum = (sum ^ bytes.load(offset + index * 8, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
                sum ^= sum >> 29
            }
            for index in (length / 8 * 8)..<length {
                sum = (sum ^ UInt64(bytes.load(offset + index, as: UInt8.self))) &* 0x100_0000_01b3
            }
        }
        return sum
    }
}
