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
/// ``thrownErrors`` as that type, any other as `.taskFailed` with its description.
public protocol WorkerTask: Codable, Sendable {
    /// What the task gives back.
    associatedtype Output: Codable & Sendable
    /// What `run` throws; inferred from it. A `Codable` error type arrives at the caller as itself.
    associatedtype Failure: Error = any Error

    /// Does the work, in the worker.
    func run(in context: WorkerContext) async throws(Failure) -> Output

    /// The name by which pool and worker know this type. Two programs that share tasks must agree on it; the default is
    /// the full name of the type.
    static var workerTaskName: String { get }

    /// The `Codable` errors that arrive at the caller as themselves. The default is ``Failure`` if it is one.
    static var thrownErrors: [any (Error & Codable).Type] { get }

    /// How often the task may be started in all, when workers die under it. 1, the default, is at most once: the death
    /// of the worker is the task's failure. Say more for work that may be done twice.
    static var maximumAttempts: Int { get }
}

extension WorkerTask {
    /// The full name of the type.
    public static var workerTaskName: String { TypeNames.name(of: Self.self) }

    /// ``Failure``, if it is `Codable`.
    public static var thrownErrors: [any (Error & Codable).Type] {
        (Failure.self as? any (Error & Codable).Type).map { [$0] } ?? []
    }

    /// At most once.
    public static var maximumAttempts: Int { 1 }
}

enum TypeNames {
    /// The name of a type that is the same in every process of one program. The names of private types hold an address,
    /// which is left out.
    static func name(of type: Any.Type) -> String {
        let name = String(reflecting: type)
        let mark = "(unknown context at $"
        guard name.utf8.count > mark.utf8.count else { return name }
        var result = ""
        var rest = Substring(name)
        while let start = rest.firstRange(of: mark), let end = rest[start.upperBound...].firstIndex(of: ")") {
            result += rest[..<start.lowerBound] + "(private)"
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
