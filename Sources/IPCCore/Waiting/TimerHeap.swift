import IPCSystem
import Synchronization

/// The deadlines of waits, earliest first. At most one entry per wait point, which outlives the wait: it moves when it
/// fires, or when the point is armed for an earlier instant, so that most waits with a deadline change nothing here.
///
/// An entry holds its point, although the point may have been made for one wait that ended long before the deadline.
/// The monitor therefore sweeps: what only the heap still refers to is let go of.
final class TimerHeap: Sendable {
    /// Entries that are not worth a sweep.
    static let fewEntries = 256

    private struct Entry {
        var instant: UInt64
        var point: WaitPoint
    }

    private struct Heap {
        var entries: [Entry] = []
        /// From this number of entries on a sweep pays: twice those that the last one left.
        var crowd = TimerHeap.fewEntries
    }

    private let heap = Lock(Heap())
    /// The earliest instant, for the monitor to look at without the lock.
    let earliest = Atomic<UInt64>(.max)
    private let isCrowded = Atomic<Bool>(false)

    /// How many wait points have an entry.
    var count: Int { heap.withLock { $0.entries.count } }

    /// Sees to it that `point` gets a hint at `instant` or soon after.
    ///
    /// - Returns: whether this is now the earliest one, so that the monitor must be told.
    func arm(_ point: WaitPoint, at instant: UInt64) -> Bool {
        // Dekker with `takeDue`: either that sees this deadline, or this sees that the entry is gone.
        point.deadline.store(instant, ordering: .sequentiallyConsistent)
        guard point.timerAt.load(ordering: .sequentiallyConsistent) > instant else { return false }
        return heap.withLock { heap in
            let before = point.timerAt.load(ordering: .relaxed)
            guard before > instant else { return false }
            point.timerAt.store(instant, ordering: .sequentiallyConsistent)
            if before == .max {
                heap.entries.append(Entry(instant: instant, point: point))
                Self.moveUp(heap.entries.count - 1, in: &heap.entries)
                if heap.entries.count > heap.crowd { isCrowded.store(true, ordering: .relaxed) }
            } else {
                let index = Int(point.timerIndex.load(ordering: .relaxed))
                heap.entries[index].instant = instant
                Self.moveUp(index, in: &heap.entries)
            }
            guard heap.entries[0].instant == instant else { return false }
            earliest.store(instant, ordering: .sequentiallyConsistent)
            return true
        }
    }

    /// The points whose deadlines are over at `now`.
    func takeDue(_ now: UInt64) -> [WaitPoint] {
        guard earliest.load(ordering: .sequentiallyConsistent) <= now else { return [] }
        return heap.withLock { heap in
            var due: [WaitPoint] = []
            while let first = heap.entries.first, first.instant <= now {
                first.point.timerAt.store(.max, ordering: .sequentiallyConsistent)
                let deadline = first.point.deadline.load(ordering: .sequentiallyConsistent)
                if deadline > now && deadline != .max {
                    first.point.timerAt.store(deadline, ordering: .sequentiallyConsistent)
                    heap.entries[0].instant = deadline
                } else {
                    if deadline <= now { due.append(first.point) }
                    heap.entries.swapAt(0, heap.entries.count - 1)
                    heap.entries.removeLast()
                }
                Self.moveFirstDown(in: &heap.entries)
            }
            earliest.store(heap.entries.first?.instant ?? .max, ordering: .sequentiallyConsistent)
            return due
        }
    }

    /// Lets go of the points that nobody else refers to, if the entries have become many. By the monitor, which also does
    /// it before it sleeps: `isQuiet`.
    func sweep(isQuiet: Bool) {
        guard isQuiet || isCrowded.load(ordering: .relaxed) else { return }
        // Freed after the lock.
        _ = heap.withLock { heap -> [WaitPoint] in
            isCrowded.store(false, ordering: .relaxed)
            guard heap.entries.count > (isQuiet ? 0 : heap.crowd) else { return [] }
            let dropped = Self.removeUnreferenced(from: &heap.entries)
            heap.crowd = max(Self.fewEntries, 2 * heap.entries.count)
            earliest.store(heap.entries.first?.instant ?? .max, ordering: .sequentiallyConsistent)
            return dropped
        }
    }

    private static func removeUnreferenced(from entries: inout [Entry]) -> [WaitPoint] {
        var kept: [Entry] = []
        var dropped: [WaitPoint] = []
        for index in entries.indices {
            // Whoever waits at a point, or could wake it, refers to it. So nobody does and nobody can begin to.
            if isKnownUniquelyReferenced(&entries[index].point) {
                dropped.append(entries[index].point)
            } else {
                kept.append(entries[index])
            }
        }
        guard !dropped.isEmpty else { return [] }
        // What is sorted is a heap.
        kept.sort { $0.instant < $1.instant }
        for index in kept.indices { place(index, in: kept) }
        entries = kept
        return dropped
    }

    // MARK: Order

    /// Tells the point where its entry is.
    private static func place(_ index: Int, in entries: [Entry]) {
        entries[index].point.timerIndex.store(UInt32(index), ordering: .relaxed)
    }

    private static func moveUp(_ index: Int, in entries: inout [Entry]) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[parent].instant > entries[child].instant else { break }
            entries.swapAt(parent, child)
            place(child, in: entries)
            child = parent
        }
        place(child, in: entries)
    }

    private static func moveFirstDown(in entries: inout [Entry]) {
        guard !entries.isEmpty else { return }
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].instant < entries[least].instant { least = child }
            }
            if least == parent { break }
            entries.swapAt(parent, least)
            place(parent, in: entries)
            parent = least
        }
        place(parent, in: entries)
    }
}
