import IPCSystem

/// Who is to be woken when the lock is free again.
///
/// A waiter counts itself with the lock, after it looked in vain, and sleeps on the line's sequence number. Whoever has
/// something for the line changes the number, takes off the count as many as it is going to wake, and wakes them without
/// the lock. So the count is never below the number of those who sleep: a waiter that leaves by itself, or dies, leaves it
/// too high, which costs one idle wake-up later and is right then. Somebody who was counted and does not sleep yet finds the
/// number changed. Who dies between the change and the wake-up wakes everybody by its death.
struct QueueWakes {
    private var counts = InlineArray<5, UInt32>(repeating: 0)
    private var isEmpty = true

    init() {}

    /// `count` new things for those in a line.
    @inline(__always)
    mutating func signal(_ line: WaitLine, _ table: QueueTable, _ count: UInt32 = 1) {
        let waiters = table.waiters(in: line)
        let found = waiters.loadRelaxed()
        if found == 0 { return }
        let woken = min(found, count)
        waiters.storeRelaxed(found - woken)
        table.sequence(of: line).add(1)
        let before = counts[line.rawValue]
        counts[line.rawValue] = woken == found || before > .max - woken ? .max : before + woken
        isEmpty = false
    }

    /// Messages can be received that could not before.
    @inline(__always)
    mutating func signalMessages(_ table: QueueTable, _ count: UInt32 = 1) {
        signal(.receivers, table, count)
        signal(.selectors, table, .max)
    }

    /// So many blocks are free that were not before: as many messages of one block each may fit.
    @inline(__always)
    mutating func signalRoom(_ table: QueueTable, blocks: UInt32) {
        signal(.senders, table, blocks)
        signal(.wideSenders, table, .max)
    }

    /// Everybody looks again.
    mutating func signalAll(_ table: QueueTable) {
        for line in WaitLine.allCases { signal(line, table, .max) }
    }

    /// Wakes them.
    @inline(__always)
    func perform(_ table: QueueTable) {
        if isEmpty { return }
        for line in WaitLine.allCases where counts[line.rawValue] > 0 {
            KillPoints.pass("queue-wakes")
            SharedFutexCalls.wake(table.sequence(of: line), Int(counts[line.rawValue]))
        }
    }
}
