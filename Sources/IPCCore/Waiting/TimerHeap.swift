import IPCSystem
import Synchronization

/// The deadlines of waits, earliest first. At most one entry per wait point: it moves only when it fires.
final class TimerHeap: Sendable {
    private struct Entry {
        let instant: UInt64
        let point: WaitPoint
    }

    private let entries = Lock<[Entry]>([])
    /// The earliest instant, for the monitor to look at without the lock.
    let earliest = Atomic<UInt64>(.max)

    /// Sees to it that `point` gets a hint at `instant` or soon after.
    ///
    /// - Returns: whether this is now the earliest one, so that the monitor must be told.
    func arm(_ point: WaitPoint, at instant: UInt64) -> Bool {
        // Dekker with `takeDue`: either that sees this deadline, or this sees that the entry is gone.
        point.deadline.store(instant, ordering: .sequentiallyConsistent)
        guard point.timerAt.load(ordering: .sequentiallyConsistent) > instant else { return false }
        return entries.withLock { entries in
            guard point.timerAt.load(ordering: .relaxed) > instant else { return false }
            point.timerAt.store(instant, ordering: .sequentiallyConsistent)
            Self.push(Entry(instant: instant, point: point), onto: &entries)
            guard entries[0].instant == instant else { return false }
            earliest.store(instant, ordering: .sequentiallyConsistent)
            return true
        }
    }

    /// The points whose deadlines are over at `now`.
    func takeDue(_ now: UInt64) -> [WaitPoint] {
        guard earliest.load(ordering: .sequentiallyConsistent) <= now else { return [] }
        return entries.withLock { entries in
            var due: [WaitPoint] = []
            while let first = entries.first, first.instant <= now {
                Self.popFirst(&entries)
                // An earlier entry of the same point has been replaced by one before it: only the newest counts.
                guard first.point.timerAt.load(ordering: .relaxed) == first.instant else { continue }
                first.point.timerAt.store(.max, ordering: .sequentiallyConsistent)
                let deadline = first.point.deadline.load(ordering: .sequentiallyConsistent)
                if deadline <= now {
                    due.append(first.point)
                } else if deadline != .max {
                    first.point.timerAt.store(deadline, ordering: .sequentiallyConsistent)
                    Self.push(Entry(instant: deadline, point: first.point), onto: &entries)
                }
            }
            earliest.store(entries.first?.instant ?? .max, ordering: .sequentiallyConsistent)
            return due
        }
    }

    private static func push(_ entry: Entry, onto entries: inout [Entry]) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[parent].instant > entries[child].instant else { return }
            entries.swapAt(parent, child)
            child = parent
        }
    }

    private static func popFirst(_ entries: inout [Entry]) {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].instant < entries[least].instant { least = child }
            }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
