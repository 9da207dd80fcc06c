import Synchronization

/// A bounded queue of jobs: one worker pushes, anyone pops.
///
/// The positions only grow. A popper reads the slot and then claims it by moving `head`; the owner writes a slot again
/// only after `head` has passed it, so a claim that succeeds has read the right job.
@safe
struct JobRing: ~Copyable {
    private static let capacity: UInt = 256

    private let head = Atomic<UInt>(0)
    private let tail = Atomic<UInt>(0)
    private let slots: UnsafeMutablePointer<Atomic<UInt>>

    init() {
        // SAFETY: allocated here, freed in deinit, indexed by a mask below the capacity.
        unsafe slots = .allocate(capacity: Int(Self.capacity))
        for index in 0..<Int(Self.capacity) { unsafe (slots + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe slots.deallocate() }

    private borrowing func slot(_ position: UInt) -> Int { Int(position & (Self.capacity - 1)) }

    /// How many jobs wait, as of a moment ago.
    borrowing func count() -> Int {
        let first = head.load(ordering: .relaxed)
        // After whatever the caller has just told everyone: who is going to sleep must not miss a job.
        return max(0, Int(bitPattern: tail.load(ordering: .sequentiallyConsistent) &- first))
    }

    /// Adds a job at the end. By the owner alone. False when the ring is full.
    borrowing func push(_ job: UInt) -> Bool {
        let end = tail.load(ordering: .relaxed)
        if end &- head.load(ordering: .acquiring) >= Self.capacity { return false }
        unsafe slots[slot(end)].store(job, ordering: .relaxed)
        tail.store(end &+ 1, ordering: .sequentiallyConsistent)
        return true
    }

    /// Takes the job that has waited longest; 0 when there is none.
    borrowing func pop() -> UInt {
        var first = head.load(ordering: .acquiring)
        while true {
            if first == tail.load(ordering: .acquiring) { return 0 }
            let job = unsafe slots[slot(first)].load(ordering: .relaxed)
            let (exchanged, found) = head.weakCompareExchange(
                expected: first, desired: first &+ 1, successOrdering: .acquiringAndReleasing,
                failureOrdering: .acquiring)
            if exchanged { return job }
            first = found
        }
    }
}
