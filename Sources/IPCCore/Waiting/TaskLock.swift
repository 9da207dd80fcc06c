import IPCSystem
import Synchronization

/// A lock for tasks, first come first served, that can be closed for ever. One direction of a channel is behind one.
///
/// Taking and releasing it without contention is one compare-and-exchange each. It may be held across `await`, and
/// released by another task than the one that took it.
package final class TaskLock: Sendable {
    private static let held: UInt32 = 1
    private static let contended: UInt32 = 2
    private static let closed: UInt32 = 4

    private final class Waiter: Sendable {
        let point: WaitPoint
        /// 0: waits, 1: has the lock, 2: the lock was closed.
        let outcome = Atomic<UInt8>(0)

        init(_ point: WaitPoint) { self.point = point }
    }

    private let word = Atomic<UInt32>(0)
    private let waiters = Lock<[Waiter]>([])

    package init() {}

    package var isClosed: Bool { word.load(ordering: .acquiring) & Self.closed != 0 }

    /// Takes the lock if it is free and open.
    package func tryAcquire() -> Bool {
        word.compareExchange(expected: 0, desired: Self.held, ordering: .acquiring).exchanged
    }

    /// Takes the lock, or waits for it. Throws `.closed`, `.cancelled` or `.timedOut` without it.
    package func acquire(
        until deadline: Deadline, _ doing: StaticString, engine: WaitEngine = .shared
    ) async throws(IPCError) {
        if tryAcquire() { return }
        let waiter = Waiter(engine.makeWaitPoint())
        let outcome = waiters.withLock { queue -> UInt8 in
            var current = word.load(ordering: .acquiring)
            while true {
                if current & Self.closed != 0 { return 2 }
                let desired = current == 0 ? Self.held : current | Self.contended
                let (exchanged, found) = word.compareExchange(
                    expected: current, desired: desired, ordering: .acquiringAndReleasing)
                if exchanged {
                    if current == 0 { return 1 }
                    queue.append(waiter)
                    return 0
                }
                current = found
            }
        }
        if outcome == 1 { return }
        if outcome == 2 { throw .closed("\(doing)") }
        while waiter.outcome.load(ordering: .acquiring) == 0 {
            do {
                try await waiter.point.wait(until: deadline, doing)
            } catch {
                if leave(waiter) { throw error }
                // It was handed over at the same moment: it is ours, so take it.
                break
            }
        }
        if waiter.outcome.load(ordering: .acquiring) == 2 { throw .closed("\(doing)") }
    }

    private func leave(_ waiter: Waiter) -> Bool {
        waiters.withLock { queue in
            guard let index = queue.firstIndex(where: { $0 === waiter }) else { return false }
            queue.remove(at: index)
            if queue.isEmpty { word.bitwiseAnd(~Self.contended, ordering: .relaxed) }
            return true
        }
    }

    /// Gives the lock to the next in line, or frees it.
    ///
    /// - Returns: whether the lock was closed meanwhile: then this was the last holder, who cleans up.
    package func release() -> Bool {
        if word.compareExchange(expected: Self.held, desired: 0, ordering: .releasing).exchanged { return false }
        let (next, isClosed) = waiters.withLock { queue -> (Waiter?, Bool) in
            if word.load(ordering: .acquiring) & Self.closed != 0 {
                word.store(Self.closed, ordering: .releasing)
                return (nil, true)
            }
            guard !queue.isEmpty else {
                word.store(0, ordering: .releasing)
                return (nil, false)
            }
            let next = queue.removeFirst()
            if queue.isEmpty { word.bitwiseAnd(~Self.contended, ordering: .relaxed) }
            next.outcome.store(1, ordering: .releasing)
            return (next, false)
        }
        next?.point.signal()
        return isClosed
    }

    /// Closes the lock: whoever waits for it, and whoever comes, gets `.closed`.
    ///
    /// - Returns: whether nobody holds it, so that the caller cleans up. Otherwise the holder does, after `release`.
    package func close() -> Bool {
        let (turnedAway, isFree) = waiters.withLock { queue -> ([Waiter], Bool) in
            let before = word.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing).oldValue
            let turnedAway = queue
            queue = []
            for waiter in turnedAway { waiter.outcome.store(2, ordering: .releasing) }
            return (turnedAway, before & (Self.held | Self.closed) == 0)
        }
        for waiter in turnedAway { waiter.point.signal() }
        return isFree
    }
}
