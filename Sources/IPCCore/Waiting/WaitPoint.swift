import IPCSystem
import Synchronization

/// A place where one task at a time waits for a hint: that a descriptor may be ready, a lock was handed over, a deadline
/// has passed, or its task was cancelled.
///
/// Every resume is only a hint. Whoever waits looks again at what it waits for, then at cancellation and clock, and waits
/// again: so events, timers and cancellations that come late or twice are harmless, and nothing has to be taken back.
///
/// The word is 0 (nothing), 1 (a hint that nobody has taken) or the continuation of the task that waits.
package final class WaitPoint: Sendable {
    private typealias Continuation = UnsafeContinuation<Void, Never>

    private static let nothing: UInt = 0
    private static let hint: UInt = 1

    private let word = Atomic<UInt>(nothing)
    let engine: WaitEngine

    /// The deadline of the wait that is going on, for the monitor.
    let deadline = Atomic<UInt64>(.max)
    /// The instant of this point's entry in the timer heap; `.max` when it has none. Changed under the heap's lock.
    let timerAt = Atomic<UInt64>(.max)
    /// Where in the heap that entry is. Read and changed under the heap's lock.
    let timerIndex = Atomic<UInt32>(0)

    /// The wait has lasted a whole tick of the monitor: the next one installs a cancellation handler.
    private let isLasting = Atomic<Bool>(false)
    /// Whether the monitor has this point on its list of recent waits.
    let isListed = Atomic<Bool>(false)
    /// Link of that list.
    let nextListed = Atomic<UInt>(0)
    /// Whether the task that waits runs on another executor than ours, which may start a thread for it when it is resumed.
    private let isForeign = Atomic<Bool>(false)
    /// Counts the waits, so that the monitor can tell an old one from a new one.
    let waitCount = Atomic<UInt>(0)

    init(engine: WaitEngine) {
        self.engine = engine
    }

    /// Whether a task waits here.
    var isOccupied: Bool { word.load(ordering: .sequentiallyConsistent) > Self.hint }

    /// Whether the next wait will be a long one, by what the monitor has seen: time to let go of idle memory.
    package var willLast: Bool { isLasting.load(ordering: .relaxed) }

    /// Gives a hint to the task that waits, or to the next one that comes.
    package func signal() {
        var current = word.load(ordering: .acquiring)
        while current != Self.hint {
            let desired = current == Self.nothing ? Self.hint : Self.nothing
            let (exchanged, found) = word.weakCompareExchange(
                expected: current, desired: desired, successOrdering: .sequentiallyConsistent,
                failureOrdering: .acquiring)
            if exchanged {
                if current != Self.nothing { unsafe resume(Self.continuation(current)) }
                return
            }
            current = found
        }
    }

    /// Asks the task that waits to wait once more, with a cancellation handler. By the monitor.
    func prolong() {
        isLasting.store(true, ordering: .relaxed)
        signal()
    }

    /// Waits for a hint. Throws instead when the task is cancelled or the deadline has passed.
    ///
    /// `doing` names the operation in the error.
    @inline(__always)
    package func wait(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        if Task.isCancelled { throw .cancelled("\(doing)") }
        if deadline != .never {
            if deadline.hasPassed { throw .timedOut("\(doing)") }
            engine.arm(self, at: deadline.nanoseconds)
        }
        await park()
        if deadline != .never { self.deadline.store(.max, ordering: .relaxed) }
    }

    /// Waits for a hint, whatever happens to the task: for what must be brought to its end.
    package func waitUnconditionally() async {
        await park()
    }

    @inline(__always)
    private func park() async {
        if takeHint() { return }
        if isLasting.load(ordering: .relaxed) { return await parkLong() }
        waitCount.store(waitCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        unsafe await withUnsafeContinuation { continuation in
            unsafe occupy(continuation)
            // After the continuation is in the word: either this sees that the monitor took the point off its list, or
            // the monitor sees that somebody waits.
            if !isListed.load(ordering: .sequentiallyConsistent) { engine.list(self) }
        }
    }

    private func parkLong() async {
        isLasting.store(false, ordering: .relaxed)
        await withTaskCancellationHandler {
            unsafe await withUnsafeContinuation { unsafe occupy($0) }
        } onCancel: {
            signal()
        }
    }

    private func takeHint() -> Bool {
        guard word.load(ordering: .acquiring) == Self.hint else { return false }
        // Only the waiting side takes hints, so the word still is one.
        word.store(Self.nothing, ordering: .sequentiallyConsistent)
        return true
    }

    private func resume(_ continuation: Continuation) {
        guard isForeign.load(ordering: .relaxed) else { return unsafe continuation.resume() }
        PipeSignalMask.unblocked { unsafe continuation.resume() }
    }

    private func occupy(_ continuation: Continuation) {
        isForeign.store(!Scheduler.isWorkersThread, ordering: .relaxed)
        let (exchanged, _) = word.compareExchange(
            expected: Self.nothing, desired: unsafe unsafeBitCast(continuation, to: UInt.self),
            ordering: .sequentiallyConsistent)
        if !exchanged {
            word.store(Self.nothing, ordering: .sequentiallyConsistent)
            unsafe continuation.resume()
        }
    }

    private static func continuation(_ bits: UInt) -> Continuation {
        // SAFETY: the word holds what `occupy` put there: a continuation is one pointer, and whoever takes it out of the
        // word by compare-and-exchange is the only one to resume it.
        unsafe unsafeBitCast(bits, to: Continuation.self)
    }
}
