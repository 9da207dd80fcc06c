import IPCSystem
import Synchronization

/// Calls that can only block and have no time limit of their own (System V queues), for tasks: each has a thread of this
/// library while it waits, and there is a limit.
///
/// A task that gives up ends the call (`BlockedCall`) and waits for the thread's word on what came of it, which takes
/// microseconds: if the call was done at that moment, its result counts and the task does not give up. So neither a
/// message that arrives together with a cancellation gets lost, nor does a thread stay behind.
package final class InterruptibleCalls: Sendable {
    package static let shared = InterruptibleCalls(limit: 1024)

    private typealias Job = @Sendable () -> Void

    /// A thread that waits for its next call.
    private final class Helper: Sendable {
        let word = FutexWord()
        let job = Lock<Job?>(nil)
    }

    /// What the thread says to the task.
    private final class Ticket<Value: Sendable>: @unchecked Sendable {
        let point: WaitPoint
        let isDone = Atomic<Bool>(false)
        // SAFETY: written by the thread before `isDone`, read by the task after it.
        var result: Result<Value?, IPCError> = .success(nil)

        init(_ point: WaitPoint) { self.point = point }
    }

    /// Nanoseconds that a thread stays without work.
    private static let patience: UInt64 = 5_000_000_000

    /// The most calls at a time.
    package let limit: Int
    private let running = Atomic<Int>(0)
    private let idle = Lock<[Helper]>([])

    package init(limit: Int) { self.limit = limit }

    /// The calls that go on.
    package var count: Int { running.load(ordering: .relaxed) }

    /// Makes a call on a thread: `attempt` blocks, and returns nil when it was ended.
    ///
    /// - Returns: nil when somebody else has ended `call`.
    /// - Throws: `.cancelled`, `.timedOut`, and then nothing was done; `.resourceExhausted` when `limit` calls wait; what
    ///   `attempt` throws.
    package func run<Value: Sendable>(
        _ call: BlockedCall, until deadline: Deadline, _ doing: StaticString, engine: WaitEngine = .shared,
        _ attempt: @escaping @Sendable () throws(IPCError) -> Value?
    ) async throws(IPCError) -> Value? {
        if Task.isCancelled { throw .cancelled("\(doing)") }
        let signal = try InterruptSignal.take()
        guard running.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            running.wrappingSubtract(1, ordering: .relaxed)
            throw IPCError(
                .resourceExhausted,
                "\(doing): \(limit) calls of this process wait like that already; wait for fewer at once")
        }
        let ticket = Ticket<Value>(engine.makeWaitPoint())
        do throws(SystemCallError) {
            try start {
                do throws(IPCError) {
                    ticket.result = .success(try call.run(signal, attempt))
                } catch {
                    ticket.result = .failure(error)
                }
                self.running.wrappingSubtract(1, ordering: .relaxed)
                ticket.isDone.store(true, ordering: .releasing)
                ticket.point.signal()
            }
        } catch {
            running.wrappingSubtract(1, ordering: .relaxed)
            throw IPCError(error, "\(doing)")
        }
        do throws(IPCError) {
            while !ticket.isDone.load(ordering: .acquiring) { try await ticket.point.wait(until: deadline, doing) }
        } catch {
            call.interrupt()
            while !ticket.isDone.load(ordering: .acquiring) { await ticket.point.waitUnconditionally() }
            guard let value = try ticket.result.get() else { throw error }
            return value
        }
        return try ticket.result.get()
    }

    // MARK: Threads

    private func start(_ job: @escaping Job) throws(SystemCallError) {
        if let helper = idle.withLock({ $0.popLast() }) {
            helper.job.withLock { $0 = job }
            helper.word.store(1)
            helper.word.wake()
            return
        }
        try SystemThread.start("ipc-blocking") { self.serve(job) }
    }

    private func serve(_ first: @escaping Job) {
        let helper = Helper()
        var next: Job? = first
        while next != nil {
            // What a job holds is let go of before this thread rests.
            next.take()?()
            next = rest(helper)
        }
    }

    /// Waits for the next job; nil when none came for a while.
    private func rest(_ helper: Helper) -> Job? {
        helper.word.store(0)
        idle.withLock { $0.append(helper) }
        let limit = MonotonicClock.nanoseconds + Self.patience
        while helper.word.value == 0 {
            helper.word.wait(while: 0, until: limit)
            guard helper.word.value == 0, limit <= MonotonicClock.nanoseconds else { continue }
            let isGone = idle.withLock { idle in
                guard let index = idle.firstIndex(where: { $0 === helper }) else { return false }
                idle.remove(at: index)
                return true
            }
            if isGone { return nil }
            // Somebody has just taken this thread off the list, and is about to say what for.
            helper.word.wait(while: 0)
        }
        return helper.job.withLock { job in
            let given = job
            job = nil
            return given
        }
    }
}
