/// Work for another process: a value that is encoded, sent to a worker, and run there.
///
/// ```swift
/// struct CountWords: WorkerTask {
///     var path: String
///
///     func run(in context: WorkerContext) async throws -> Int {
///         try words(ofFileAt: path).count
///     }
/// }
/// ```
///
/// A worker runs one task at a time. When the caller cancels, the task that runs it is cancelled there; look at
/// `Task.isCancelled` in long loops. What it throws arrives at the caller: an `IPCError` as it is, an error of
/// ``WorkerJob/thrownErrors`` as that type, any other as `.taskFailed` with its description.
public protocol WorkerTask: WorkerJob {
    /// What the task gives back.
    associatedtype Output: Codable & Sendable
    /// What `run` throws; inferred from it. A `Codable` error type arrives at the caller as itself.
    associatedtype Failure: Error = any Error

    /// Does the work, in the worker.
    func run(in context: WorkerContext) async throws(Failure) -> Output
}

extension WorkerTask {
    /// ``Failure``, if it is `Codable`.
    public static var thrownErrors: [any (Error & Codable).Type] {
        (Failure.self as? any (Error & Codable).Type).map { [$0] } ?? []
    }
}
