import IPCSystem

/// What somebody may wait for in an object: its index among the object's lines.
struct WaitLine: Sendable {
    let index: Int
}

/// The lines of waiters of one object, 8 bytes each in its memory: a sequence number to sleep on, and a count of those who may
/// be asleep, changed with the lock.
struct WaitLines: Sendable {
    /// As many as ``LineWakes`` has room for.
    static let most = 5

    private let bytes: SharedBytes
    private let count: Int

    /// - Parameter bytes: from the first line on.
    init(_ bytes: SharedBytes, count: Int) {
        self.bytes = bytes
        self.count = min(count, Self.most)
    }

    @inline(__always)
    var all: some Sequence<WaitLine> { (0..<count).lazy.map { WaitLine(index: $0) } }

    @inline(__always)
    func sequence(of line: WaitLine) -> SharedWord32 { bytes.word32(line.index * 8) }
    @inline(__always)
    func waiters(in line: WaitLine) -> SharedWord32 { bytes.word32(line.index * 8 + 4) }
}

/// Who is to be woken when the lock is free again.
///
/// A waiter counts itself with the lock, after it looked in vain, and sleeps on the line's sequence number. Whoever has
/// something for the line changes the number, takes off the count as many as it is going to wake, and wakes them without
/// the lock. So the count is never below the number of those who sleep: a waiter that leaves by itself, or dies, leaves it
/// too high, which costs one idle wake-up later and is right then. Somebody who was counted and does not sleep yet finds the
/// number changed. Who dies between the change and the wake-up wakes everybody by its death.
///
/// One word, because it is handed on from step to step of each turn.
struct LineWakes {
    private static let width = 12
    private static let everybody: UInt64 = 1 << 12 - 1

    /// For each line how many to wake, 12 bits each; all of them set: everybody.
    private var counts: UInt64 = 0

    init() {}

    /// `count` new things for those in a line.
    @inline(__always)
    mutating func signal(_ line: WaitLine, _ lines: WaitLines, _ count: UInt32 = 1) {
        let waiters = lines.waiters(in: line)
        let found = waiters.loadRelaxed()
        if found == 0 { return }
        let woken = min(found, count)
        waiters.storeRelaxed(found - woken)
        lines.sequence(of: line).add(1)
        let shift = UInt64(line.index * Self.width)
        let sum = counts >> shift & Self.everybody + UInt64(woken)
        let wakes = woken == found ? Self.everybody : min(sum, Self.everybody)
        counts = counts & ~(Self.everybody << shift) | wakes << shift
    }

    /// Everybody looks again.
    mutating func signalAll(_ lines: WaitLines) {
        for line in lines.all { signal(line, lines, .max) }
    }

    /// Wakes them.
    @inline(__always)
    func perform(_ lines: WaitLines) {
        if counts != 0 { wake(lines) }
    }

    @inline(never)
    private func wake(_ lines: WaitLines) {
        for line in lines.all {
            let count = counts >> UInt64(line.index * Self.width) & Self.everybody
            if count == 0 { continue }
            KillPoints.pass("turn-wakes")
            SharedFutexCalls.wake(lines.sequence(of: line), count == Self.everybody ? Int(Int32.max) : Int(count))
        }
    }
}
