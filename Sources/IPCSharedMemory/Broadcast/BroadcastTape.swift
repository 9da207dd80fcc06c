import IPCCore
import IPCSystem

/// The writer's side of the ring: makes room and lays records out. Used under the writer's lock alone.
///
/// What keeps a reader from seeing a record that is being overwritten is the word `oldest`: it moves past a record, with a
/// fence, before the first byte of it is written again. A record counts once `tail` has moved past it, with one store. A
/// writer that is killed leaves at most bytes behind `tail`, where nobody looks.
struct BroadcastTape {
    private let words: BroadcastWords
    private let maximumMessageSize: Int
    /// Where the next record begins. What is behind the published tail waits for `commit`.
    private(set) var end: UInt64
    private var published: UInt64
    private var oldest: UInt64
    private var sequence: UInt32
    /// Where `oldest` can go.
    private var marks: BroadcastMarks

    /// Goes on where the writer before this one ended. What it finds is checked: in a lossless broadcast readers can write
    /// there. If it makes no sense, there is no history.
    init(_ memory: BroadcastMemory) {
        words = memory.words
        maximumMessageSize = memory.maximumMessageSize
        let tail = memory.tail.loadAcquiring() & ~7
        var start = memory.oldest.loadAcquiring()
        // The writer before may have announced that records go which a reader still needs.
        for slot in 0..<memory.slotCount where memory.slotState(slot).loadSequential() == 1 {
            let cursor = memory.cursor(slot).loadSequential()
            if memory.isPlausible(oldest: cursor, tail: tail), tail &- cursor > tail &- start { start = cursor }
        }
        end = tail
        published = tail
        oldest = tail
        sequence = words.header(at: tail).sequence
        marks = BroadcastMarks(capacity: words.capacity, at: tail)
        guard memory.isPlausible(oldest: start, tail: tail) else {
            memory.oldest.storeSequential(tail)
            return
        }
        var found = BroadcastMarks(capacity: words.capacity, at: start)
        var position = start
        while position != tail {
            let length = words.header(at: position).length
            let size = BroadcastWords.recordByteCount(length)
            guard length <= maximumMessageSize, size <= tail &- position else {
                memory.oldest.storeSequential(tail)
                return
            }
            position &+= size
            found.note(position)
        }
        marks = found
        oldest = start
    }

    /// Whether enough waits for `commit` that readers should have it.
    var isLongOverdue: Bool { end &- published >= words.capacity / 8 }

    var hasUncommitted: Bool { end != published }

    /// Lays a record out behind those that are there.
    ///
    /// - Returns: false when there is no room for it: see `makeRoom`.
    @inline(__always)
    mutating func append(_ source: UnsafeRawPointer, _ count: Int) -> Bool {
        let size = BroadcastWords.recordByteCount(count)
        guard hasRoom(size) else { return false }
        words.storeHeader(count, sequence, at: end)
        KillPoints.pass("broadcast header")
        unsafe words.storeBody(at: end, source, count)
        KillPoints.pass("broadcast body")
        sequence &+= 1
        end &+= size
        marks.note(end)
        return true
    }

    /// Whether a record of `size` bytes fits, with the header behind it that says the number of the next one to those who
    /// join there.
    @inline(__always)
    private func hasRoom(_ size: UInt64) -> Bool {
        end &+ size &+ UInt64(BroadcastWords.headerByteCount) &- oldest <= words.capacity
    }

    /// Lays records of `size` bytes each out, the last one with what is left, until one has no room or many wait for
    /// `commit`.
    ///
    /// - Returns: how many.
    mutating func append(_ source: UnsafeRawBufferPointer, each size: Int) -> Int {
        guard let start = source.baseAddress else { return 0 }
        var offset = 0
        var count = 0
        while offset < source.count, !isLongOverdue {
            // SAFETY: these bytes lie in the source.
            guard unsafe append(start + offset, min(size, source.count &- offset)) else { break }
            offset &+= size
            count &+= 1
        }
        return count
    }

    /// Publishes what was appended.
    mutating func commit() {
        words.storeHeader(0, sequence, at: end)
        published = end
        words.tail.storeReleasing(end)
        KillPoints.pass("broadcast published")
    }

    /// Moves `oldest` on until a message of `count` bytes has room, and somewhat further, so that readers seldom see the
    /// word change.
    ///
    /// - Parameters:
    ///   - slots: the readers that may not miss anything.
    ///   - clearsDead: whether to ask the kernel for each reader that is in the way if it is alive.
    /// - Returns: false when such a reader still needs the room.
    mutating func makeRoom(for count: Int, _ slots: BroadcastSlots?, clearsDead: Bool) -> Bool {
        let size = BroadcastWords.recordByteCount(count)
        if hasRoom(size) { return true }
        let needed = end &+ size &+ UInt64(BroadcastWords.headerByteCount) &- words.capacity
        guard let slots else {
            let target = marks.first(from: needed, goingOnFor: words.capacity / 16, notBeyond: published)
            words.oldest.storeRelaxed(target)
            leave(target)
            return true
        }
        let least = marks.first(from: needed, goingOnFor: 0, notBeyond: published)
        guard slots.allHaveRead(upTo: least, clearsDead: clearsDead) else { return false }
        let read = min(slots.slowest(before: published, since: oldest) &- oldest, published &- oldest)
        let target = marks.first(from: needed, goingOnFor: words.capacity / 16, notBeyond: oldest &+ read)
        words.oldest.storeSequential(target)
        // Again: somebody may have joined. If so, the records that are still needed stay, and with them what `oldest` was:
        // readers that join now begin later, which costs them history that was to go.
        guard slots.allHaveRead(upTo: target, clearsDead: clearsDead) else { return false }
        leave(target)
        return true
    }

    private mutating func leave(_ target: UInt64) {
        oldest = target
        marks.drop(before: target)
        // Whoever sees a byte of the new record sees that the old one is gone.
        MemoryFence.release()
        KillPoints.pass("broadcast room")
    }
}
