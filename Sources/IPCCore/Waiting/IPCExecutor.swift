/// The executor that this library's own tasks run on: a few threads, one of which polls descriptors, so that a task that
/// waits for a message resumes on the thread that saw the message arrive.
///
/// Use it as a preference, with ``withIPCExecutor(_:)`` or `Task(executorPreference: IPCExecutor.shared)`. Channels work
/// on every other executor too; there a message that has to be waited for costs one hand-over between threads. A task
/// that computes for long delays nobody for more than about a millisecond: another thread takes over.
///
/// SIGPIPE is blocked on its threads. A thread that a task on them starts inherits that, as threads do.
public final class IPCExecutor: TaskExecutor {
    /// The executor of this process. Its threads start with its first use.
    public static let shared = WaitEngine.shared.executor

    private let engine: WaitEngine

    init(engine: WaitEngine) {
        self.engine = engine
    }

    /// Takes over a job. Called by the Swift runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        engine.start()
        // SAFETY: an UnownedJob is one pointer, and the scheduler hands each back to the runtime once.
        engine.scheduler.enqueue(unsafe unsafeBitCast(UnownedJob(job), to: UInt.self))
    }
}

/// Runs `body` on the threads of ``IPCExecutor``, wherever the caller runs.
///
/// Child tasks and the calls that `body` awaits stay there, unless they belong to an actor. Worth it around loops that
/// exchange many small messages.
public func withIPCExecutor<Result: Sendable, Failure: Error>(
    _ body: @concurrent @Sendable () async throws(Failure) -> Result
) async throws(Failure) -> Result {
    try await withTaskExecutorPreference(IPCExecutor.shared, operation: body)
}
