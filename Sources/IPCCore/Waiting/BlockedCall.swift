import IPCSystem
import Synchronization

/// One call that blocks a thread, and that anybody may end.
///
/// Ending is not undoing: a call that the kernel has carried out by then returns what it did. So nothing is ever taken
/// and lost, and who ends a call learns from its result which of the two happened first.
@usableFromInline
package final class BlockedCall: @unchecked Sendable {
    private static let isRequested: UInt32 = 1
    private static let hasBegun: UInt32 = 2
    private static let isOver: UInt32 = 4
    /// One of those who send the signal right now: the thread stays until they have.
    private static let sender: UInt32 = 8

    private let state = Atomic<UInt32>(0)
    // SAFETY: written once by the thread, before `hasBegun`, and read after it by others.
    private var target: InterruptCalls.Target?
    private var signal: Int32 = 0

    package init() {}

    /// Ready for another call: nobody who could end the last one knows this any more.
    package func reset() { state.store(0, ordering: .relaxed) }

    /// Ends the call if it goes on, and keeps it from being made otherwise.
    package func interrupt() {
        var current = state.load(ordering: .acquiring)
        while true {
            let isUnderWay = current & (Self.hasBegun | Self.isOver) == Self.hasBegun
            let desired = current | Self.isRequested
            let (exchanged, found) = state.compareExchange(
                expected: current, desired: isUnderWay ? desired + Self.sender : desired,
                ordering: .sequentiallyConsistent)
            if exchanged {
                guard isUnderWay else { return }
                target?.interrupt(with: InterruptSignal.number(insteadOf: signal))
                state.subtract(Self.sender, ordering: .releasing)
                return
            }
            current = found
        }
    }

    /// Calls `attempt` on this thread until it comes back with something: a blocking call whose nil means that it was
    /// ended. Once for each object.
    ///
    /// - Parameters:
    ///   - signal: what `InterruptSignal` took.
    ///   - limit: CLOCK_MONOTONIC nanoseconds after which an ended call is not made again.
    // Inlined, like the next: a generic function that is not looks up the type of its result at each call.
    /// - Returns: nil when it was ended, by `interrupt` or at `limit`, and nothing was done.
    @inlinable
    @inline(__always)
    package func run<Value>(
        _ signal: Int32, until limit: UInt64 = .max, _ attempt: () throws(IPCError) -> Value?
    ) throws(IPCError) -> Value? {
        var goesOn = begin(signal)
        defer { end() }
        while goesOn {
            if let value = try attempt() { return value }
            goesOn = mayGoOn(until: limit)
        }
        return nil
    }

    /// Whether the call is to be made.
    @usableFromInline
    func begin(_ signal: Int32) -> Bool {
        InterruptCalls.admit(signal)
        let own = InterruptCalls.Target.current
        own.rearm()
        target = own
        self.signal = signal
        let before = state.bitwiseOr(Self.hasBegun, ordering: .sequentiallyConsistent).oldValue
        return before & Self.isRequested == 0
    }

    /// The word of the thread is reset before the look at the request, and set after it was made: it cannot be lost.
    @usableFromInline
    func mayGoOn(until limit: UInt64) -> Bool {
        if limit != .max, limit <= MonotonicClock.nanoseconds { return false }
        target?.rearm()
        return state.load(ordering: .sequentiallyConsistent) & Self.isRequested == 0
    }

    @usableFromInline
    func end() {
        var current = state.bitwiseOr(Self.isOver, ordering: .sequentiallyConsistent).newValue
        // Whoever sends it is between two system calls.
        while current >= Self.sender {
            ProcessorHint.pause()
            current = state.load(ordering: .acquiring)
        }
    }

    /// The same on a thread of the host, with a deadline that ends the call.
    @inlinable
    @inline(__always)
    package func runBlocking<Value>(
        until deadline: Deadline, _ doing: StaticString, _ attempt: () throws(IPCError) -> Value?
    ) throws(IPCError) -> Value? {
        if deadline == .never { return try run(InterruptSignal.take(), attempt) }
        return try runWithTimer(until: deadline, doing, attempt)
    }

    @usableFromInline
    func runWithTimer<Value>(
        until deadline: Deadline, _ doing: StaticString, _ attempt: () throws(IPCError) -> Value?
    ) throws(IPCError) -> Value? {
        let signal = try InterruptSignal.take()
        let limit = deadline.nanoseconds
        InterruptCalls.admit(signal)
        do {
            return try InterruptCalls.withTimer(signal, at: limit) { () throws(IPCError) in
                try run(signal, until: limit, attempt)
            }
        } catch {
            switch error {
            case .timer(let error): throw IPCError(error, "\(doing)")
            case .body(let error): throw error
            }
        }
    }
}
