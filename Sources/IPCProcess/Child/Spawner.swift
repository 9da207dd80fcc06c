import IPCSystem
import Synchronization

/// The one thread that starts children. The kernel sends the parent-death signal when the *thread* that started a child
/// exits, so that thread must never exit; and a start blocks it until the new program runs.
final class Spawner: Sendable {
    static let shared = Spawner()

    private typealias Outcome = Result<ProcessCalls.Started, SpawnFailure>

    // SAFETY: the thread resumes each continuation once, when it takes the job out of the queue.
    @safe
    private struct Job {
        let request: SpawnRequest
        let continuation: UnsafeContinuation<Outcome, Never>
    }

    private let hasThread = Lock(false)
    private let queue = Lock<[Job]>([])
    private let arrivals = FutexWord()

    /// Starts a program. It is started even if the task is cancelled meanwhile: the caller decides what becomes of it.
    func spawn(_ request: SpawnRequest) async throws(SpawnFailure) -> ProcessCalls.Started {
        try startThread()
        let outcome = unsafe await withUnsafeContinuation { continuation in
            let job = unsafe Job(request: request, continuation: continuation)
            queue.withLock { $0.append(job) }
            _ = arrivals.add(1)
            arrivals.wake()
        }
        return try outcome.get()
    }

    private func startThread() throws(SpawnFailure) {
        try hasThread.withLock { hasThread throws(SpawnFailure) in
            guard !hasThread else { return }
            do throws(SystemCallError) {
                try SystemThread.start("ipc-spawn") { self.run() }
                hasThread = true
            } catch {
                throw SpawnFailure(step: .create, error: error)
            }
        }
    }

    private func run() {
        while true {
            let seen = arrivals.value
            let jobs = queue.withLock { queue in
                defer { queue.removeAll() }
                return queue
            }
            if jobs.isEmpty { arrivals.wait(while: seen) }
            for job in jobs { unsafe job.continuation.resume(returning: Self.perform(job.request)) }
        }
    }

    private static func perform(_ request: SpawnRequest) -> Outcome {
        do {
            return .success(try ProcessCalls.spawn(request))
        } catch {
            return .failure(error)
        }
    }
}
