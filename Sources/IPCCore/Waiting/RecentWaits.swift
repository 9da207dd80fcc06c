import Synchronization

/// The wait points that were used lately, for the monitor: a wait that lasts from one tick to the next is asked to
/// install a cancellation handler, which a short wait never pays for.
///
/// Waiting tasks push (lock-free, and only when their point is not listed); the monitor alone takes.
final class RecentWaits: Sendable {
    private let head = Atomic<UInt>(0)

    /// Whether nothing was listed since the last `takeAll`.
    var isEmpty: Bool { head.load(ordering: .sequentiallyConsistent) == 0 }

    /// Puts `point` on the list unless it is there.
    ///
    /// - Returns: whether it was put there.
    func list(_ point: WaitPoint) -> Bool {
        guard !point.isListed.exchange(true, ordering: .sequentiallyConsistent) else { return false }
        // SAFETY: the list holds one reference, which `takeAll` takes over.
        let bits = unsafe UInt(bitPattern: Unmanaged.passRetained(point).toOpaque())
        var first = head.load(ordering: .relaxed)
        while true {
            point.nextListed.store(first, ordering: .relaxed)
            let (exchanged, found) = head.weakCompareExchange(
                expected: first, desired: bits, successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed)
            if exchanged { return true }
            first = found
        }
    }

    /// Moves everything that was listed into `points`.
    func takeAll(into points: inout [(point: WaitPoint, waitCount: UInt)]) {
        var bits = head.exchange(0, ordering: .acquiring)
        while bits != 0 {
            // SAFETY: `bits` is what `list` pushed, and the exchange made this the only owner.
            let point = unsafe Unmanaged<WaitPoint>.fromOpaque(UnsafeRawPointer(bitPattern: bits)!).takeRetainedValue()
            bits = point.nextListed.load(ordering: .relaxed)
            // A count that no wait has: the first tick only notes the count.
            points.append((point, point.waitCount.load(ordering: .relaxed) &- 1))
        }
    }
}
