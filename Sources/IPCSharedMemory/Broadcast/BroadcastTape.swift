import IPCCore
import IPCSystem

/// The writer's side of the ring: makes room and lays records out. Used under the writer's lock alone.
///
/// What keeps a reader from seeing a record that is being overwritten is the word `oldest`: it moves past a record, with a
/// fence, before the first byte of it is written again. A record counts once `tail` has moved past it, with one store. A
/// writer that is killed leaves at most bytes behind `tail`, where nobody looks.
struct BroadcastTape {
    let memory: BroadcastMemory
    /// Where the next record begins. What is behind the published tail waits for `commit`.
    private(set) var end: UInt64
    private var published: UInt64
    private var oldest: UInt64
    private var sequence: UInt32

    /// Goes on where the writer before this one ended. What it finds is checked: in a lossless broadcast readers can write
    /// there. If it makes no sense, there is no history.
    init(_ memory: BroadcastMemory) {
        self.memory = memory
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
        sequence = memory.header(at: tail).sequence
        guard memory.isPlausible(oldest: start, tail: tail) else {
            memory.oldest.storeSequential(tail)
            return
        }
        var position = start
        while position != tail {
            let header = memory.header(at: position)
            let size = UInt64(BroadcastMemory.recordByteCount(header.length))
            guard header.length <= memory.maximumMessageSize, size <= tail &- position else {
                memory.oldest.storeSequential(tail)
                return
            }
            position &+= size
        }
        oldest = start
    }

    /// Whether enough waits for `commit` that readers should have it.
    var isLongOverdue: Bool { end &- published >= UInt64(memory.capacity / 8) }

    var hasUncommitted: Bool { end != published }

    /// Lays a record out behind those that are there.
    ///
    /// - Returns: false when a reader that may not miss anything still needs the room.
    mutating func append(_ source: UnsafeRawPointer, _ count: Int, slots: BroadcastSlots?) -> Bool {
        let size = UInt64(BroadcastMemory.recordByteCount(count))
        // With the header behind it, which says the number of the next one to those who join there.
        let wanted = size &+ UInt64(BroadcastMemory.headerByteCount)
        if end &+ wanted &- oldest > UInt64(memory.capacity) {
            guard makeRoom(wanted, slots) else { return false }
        }
        memory.storeHeader(count, sequence, at: end)
        KillPoints.pass("broadcast header")
        unsafe memory.storeBody(at: end, source, count)
        KillPoints.pass("broadcast body")
        sequence &+= 1
        end &+= size
        memory.storeHeader(0, sequence, at: end)
        return true
    }

    /// Publishes what was appended.
    mutating func commit() {
        published = end
        memory.tail.storeReleasing(end)
        KillPoints.pass("broadcast published")
    }

    /// Moves `oldest` on until `size` bytes have room, and somewhat further, so that readers seldom see the word change.
    private mutating func makeRoom(_ size: UInt64, _ slots: BroadcastSlots?) -> Bool {
        let capacity = UInt64(memory.capacity)
        let needed = end &+ size &- capacity
        // A plan, until it is known that nobody needs the records.
        var target = oldest
        let generous = needed &+ capacity / 16
        while Int64(bitPattern: generous &- target) > 0, target != published {
            let next = target &+ UInt64(BroadcastMemory.recordByteCount(memory.header(at: target).length))
            if slots != nil {
                // Readers can write here, so a length may be forged: then the history ends.
                guard next &- target <= published &- target else {
                    target = published
                    break
                }
                // Only what is needed: a slow reader is to be waited for no longer than necessary.
                if Int64(bitPattern: needed &- target) <= 0 { break }
            }
            target = next
        }
        if let slots {
            memory.oldest.storeSequential(target)
            guard slots.allHaveRead(upTo: target) else {
                // Records that are still needed stay, and with them what `oldest` was: readers that join now begin later,
                // which costs them history that was to go.
                return false
            }
        } else {
            memory.oldest.storeRelaxed(target)
        }
        oldest = target
        // Whoever sees a byte of the new record sees that the old one is gone.
        MemoryFence.release()
        KillPoints.pass("broadcast room")
        return true
    }
}
