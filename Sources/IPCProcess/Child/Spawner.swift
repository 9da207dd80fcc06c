import IPCSystem
import Synchronization

/// The one thread that starts children. The kernel sends the parent-death signal when the *thread* that started a child
/// exits, so that thread must never exit; and a start blocks it until the new program runs.
final class Spawner: Sendable {
    static let shared = Spawner()

    private typealias Outcome = Result<ProcessCalls.Started, SpawnFailure>

    private struct Job {
        let request: SpawnRequest
        let continuation: UnsafeContinuation<Outcome, Never>
    }

    private struct Queue {
        var jobs: [Job] = []
        var hasThread = false
    }

    private let queue = Mutex(Queue())
    private let arrivals = FutexWord()

    /// Starts a program. It is started even if the task is cancelled meanwhile: the caller decides what becomes of it.
    func spawn(_ request: SpawnRequest) async throws(SpawnFailure) -> ProcessCalls.Started {
        try startThread()
        let outcome = await withUnsafeContinuation { continuation in
            queue.withLock { unsafe $0.jobs.append(Job(request: request, continuation: continuation)) }
            _ = arrivals.add(1)
            arrivals.wake()
        }
        return try outcome.get()
    }

    private func startThread() throws(SpawnFailure) {
        let isFirst = queue.withLock { queue in
            defer { queue.hasThread = true }
            return !queue.hasThread
        }
        guard isFirst else { return }
        do {
            try SystemThread.start("ipc-spawn") { self.run() }
        } catch {
            // Whoever has queued a job meanwhile is served by the thread that the next attempt starts.
            queue.withLock { $0.hasThread = false }
            throw SpawnFailure(step: .create, error: error)
        }
    }

    private func run() {
        while true {
            let seen = arrivals.value
            let jobs = queue.withLock { queue in
                defer { queue.jobs.removeAll() }
                return queue.jobs
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
