import IPCSystem

/// Runs each piece of a task on a new thread, which may block: whatever a suspension ends goes on elsewhere.
public final class OwnThreads: TaskExecutor {
    public init() {}

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = unsafe asUnownedTaskExecutor()
        do throws(SystemCallError) {
            try SystemThread.start("ipc-test") { unsafe job.runSynchronously(on: executor) }
        } catch {
            fatalError("no thread: \(error)")
        }
    }
}
