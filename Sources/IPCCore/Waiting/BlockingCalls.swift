import IPCSystem
import Synchronization

/// Calls that can only block (System V semaphores and queues have neither descriptor nor futex), for tasks: each has a
/// thread of this library while it waits, and there is a limit.
///
/// The thread waits in slices and looks between them whether its task was cancelled. A signal could end a wait sooner, but
/// would have to be taken from the host program; with slices of 25 ms a cancellation is seen as soon as it has to be.
/// What a slice costs beside that: whoever waits joins the end of the kernel's queue again.
package final class BlockingCalls: Sendable {
    package static let shared = BlockingCalls(limit: 256)

    /// Nanoseconds of one slice.
    package static let slice: UInt64 = 25_000_000

    private final class Cancellation: Sendable {
        let isRequested = Atomic<Bool>(false)
    }

    /// The most threads at a time.
    package let limit: Int
    private let waiting = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// The threads that there are.
    package var count: Int { waiting.load(ordering: .relaxed) }

    /// Calls `attempt` on a thread, with an instant (CLOCK_MONOTONIC nanoseconds) until which it may block, until it comes
    /// back with something. What has come about at the moment of a cancellation counts.
    ///
    /// - Throws: `.cancelled`, `.timedOut`; `.resourceExhausted` when all threads wait; what `attempt` fails with.
    package func run<Value: Sendable>(
        until deadline: Deadline, _ doing: StaticString,
        _ attempt: @escaping @Sendable (UInt64) -> Result<Value?, IPCError>
    ) async throws(IPCError) -> Value {
        if Task.isCancelled { throw .cancelled("\(doing)") }
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            waiting.wrappingSubtract(1, ordering: .relaxed)
            throw IPCError(
                .resourceExhausted,
                "\(doing): \(limit) calls of this process wait like that already; wait for fewer at once")
        }
        let cancellation = Cancellation()
        let result: Result<Value, IPCError> = await withTaskCancellationHandler {
            unsafe await withUnsafeContinuation { continuation in
                do throws(SystemCallError) {
                    try SystemThread.start("ipc-blocking") {
                        let result = Self.repeated(until: deadline, doing, cancellation, attempt)
                        self.waiting.wrappingSubtract(1, ordering: .relaxed)
                        SanitizerHints.handsOver(cancellation)
                        unsafe continuation.resume(returning: result)
                    }
                } catch {
                    waiting.wrappingSubtract(1, ordering: .relaxed)
                    unsafe continuation.resume(returning: .failure(IPCError(error, "\(doing)")))
                }
            }
        } onCancel: {
            cancellation.isRequested.store(true, ordering: .sequentiallyConsistent)
        }
        SanitizerHints.takesOver(cancellation)
        return try result.get()
    }

    private static func repeated<Value: Sendable>(
        until deadline: Deadline, _ doing: StaticString, _ cancellation: Cancellation,
        _ attempt: @Sendable (UInt64) -> Result<Value?, IPCError>
    ) -> Result<Value, IPCError> {
        while true {
            let isLast = deadline.hasPassed
            switch attempt(min(MonotonicClock.nanoseconds + slice, deadline.nanoseconds)) {
            case .success(let value?): return .success(value)
            case .failure(let error): return .failure(error)
            case .success(nil): break
            }
            if cancellation.isRequested.load(ordering: .sequentiallyConsistent) {
                return .failure(.cancelled("\(doing)"))
            }
            if isLast { return .failure(.timedOut("\(doing)")) }
        }
    }
}
