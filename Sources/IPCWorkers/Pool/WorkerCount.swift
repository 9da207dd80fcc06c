import IPCSystem

/// How many workers a pool has.
public struct WorkerCount: Sendable, Hashable, ExpressibleByIntegerLiteral {
    private let number: Int?

    private init(_ number: Int?) { self.number = number }

    /// One for each processor that this process may use. sched_getaffinity(2).
    public static let coreCount = WorkerCount(nil)

    /// So many. Less than one counts as one.
    public static func exactly(_ number: Int) -> WorkerCount { WorkerCount(max(1, number)) }

    /// The same as ``exactly(_:)``.
    public init(integerLiteral value: Int) { self = .exactly(value) }

    var resolved: Int { number ?? max(1, ProcessFacts.usableProcessors) }
}
