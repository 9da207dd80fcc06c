/// What every kind of work for a pool has in common: ``WorkerTask`` and ``StreamingWorkerTask``. Conform to one of those.
public protocol WorkerJob: Codable, Sendable {
    /// The name by which pool and worker know this type. Two programs that share tasks must agree on it; the default is
    /// the full name of the type.
    static var workerTaskName: String { get }

    /// The `Codable` errors that arrive at the caller as themselves. The default is the type that `run` throws, if it is
    /// one.
    static var thrownErrors: [any (Error & Codable).Type] { get }

    /// How often the task may be started in all, when workers die under it. 1, the default, is at most once: the death
    /// of the worker is the task's failure. Say more for work that may be done twice. A streaming task that has emitted
    /// something is not started again.
    static var maximumAttempts: Int { get }

    /// How long the task may run, from its start in the worker; nil, the default, for as long as it takes. When it is over
    /// the worker is killed and replaced, and the task fails with `.timedOut`. It is not tried again.
    ///
    /// That needs nothing of the task: it may hang in a loop or in a call that never returns. Declare it as `Duration?`: a
    /// property of another type is none of the protocol's, and limits nothing.
    var timeLimit: Duration? { get }

    /// The ``timeLimit-swift.property`` of all tasks of this type that do not say otherwise; nil, the default, for none.
    static var timeLimit: Duration? { get }
}

extension WorkerJob {
    /// The full name of the type.
    public static var workerTaskName: String { TypeNames.name(of: Self.self) }

    /// At most once.
    public static var maximumAttempts: Int { 1 }

    /// The limit of the type.
    public var timeLimit: Duration? { Self.timeLimit }

    /// No limit.
    public static var timeLimit: Duration? { nil }
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
