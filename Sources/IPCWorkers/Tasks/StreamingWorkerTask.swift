/// Work that gives values while it runs: each one that it emits is on its way to the caller at once.
///
/// ```swift
/// struct FindPrimes: StreamingWorkerTask {
///     var range: Range<Int>
///
///     func run(in context: WorkerContext, emit: WorkerEmitter<Int>) async throws {
///         for number in range where isPrime(number) { try await emit(number) }
///     }
/// }
///
/// for try await prime in pool.stream(FindPrimes(range: 1..<1_000_000)) { print(prime) }
/// ```
///
/// `emit` waits while the caller does not take what was emitted before (``WorkerStream/window``), so nothing piles up. All
/// else is as ``WorkerTask`` says.
public protocol StreamingWorkerTask: WorkerJob {
    /// What the task emits.
    associatedtype Element: Codable & Sendable
    /// What `run` throws; inferred from it.
    associatedtype Failure: Error = any Error

    /// Does the work, in the worker.
    func run(in context: WorkerContext, emit: WorkerEmitter<Element>) async throws(Failure)
}

extension StreamingWorkerTask {
    /// ``Failure``, if it is `Codable`.
    public static var thrownErrors: [any (Error & Codable).Type] {
        (Failure.self as? any (Error & Codable).Type).map { [$0] } ?? []
    }
}

/// How a ``StreamingWorkerTask`` gives its values to the caller. Call it as a function.
public struct WorkerEmitter<Element: Sendable>: Sendable {
    private let body: @Sendable (Element) async throws(IPCError) -> Void

    /// An emitter that gives values to `body`, for running a task in a test, without a worker.
    public init(_ body: @escaping @Sendable (Element) async throws(IPCError) -> Void) {
        self.body = body
    }

    /// Sends `element` to the caller. Waits while too many are on their way.
    ///
    /// - Throws: `.cancelled` when the caller has given up; `.encodingFailed`; `.messageTooLarge`; `.closed` when `run`
    ///   has returned already.
    public func callAsFunction(_ element: Element) async throws(IPCError) { try await body(element) }
}
