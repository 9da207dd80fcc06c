/// The order of the results of many tasks.
public enum ResultOrder: Sendable, Hashable {
    /// As the tasks were given.
    case asGiven
    /// As they come, the fastest first.
    case asCompleted
}

/// The outputs of many tasks, as an `AsyncSequence`. Made by
/// `WorkerPool.map(_:order:priority:progress:)`.
///
/// Each iteration runs all the tasks. Tasks are taken from the input as there is room, never more than the workers need to
/// stay busy, so the input may be endless. Leaving the loop early gives up what is on its way.
public struct WorkerResults<Outcomes: AsyncSequence, Output: Sendable>: AsyncSequence
where Outcomes.Element == WorkerOutcome<Output> {
    /// The output of a task.
    public typealias Element = Output
    /// What a task or the input threw, or an `IPCError`.
    public typealias Failure = any Error

    private let outcomes: Outcomes

    init(_ outcomes: Outcomes) {
        self.outcomes = outcomes
    }

    /// One pass over the tasks. Not to be shared between tasks.
    public struct AsyncIterator: AsyncIteratorProtocol {
        /// Nil after a failure: with it goes what is on its way.
        private var outcomes: Outcomes.AsyncIterator?

        fileprivate init(_ outcomes: Outcomes.AsyncIterator) {
            self.outcomes = outcomes
        }

        /// The next output; nil at the end. The first failure of a task ends the pass, and gives up the others.
        public mutating func next() async throws -> Output? { try await next(isolation: #isolation) }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Output? {
            guard let outcome = try await outcomes?.next(isolation: actor) else { return nil }
            switch outcome.result {
            case .success(let output): return output
            case .failure(let error):
                outcomes = nil
                throw error
            }
        }
    }

    /// Starts a pass.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(outcomes.makeAsyncIterator()) }
}

extension WorkerResults: Sendable where Outcomes: Sendable {}

@available(*, unavailable)
extension WorkerResults.AsyncIterator: Sendable {}

/// What became of one of many tasks.
public struct WorkerOutcome<Output: Sendable>: Sendable {
    /// Which task, counted from 0 in the order in which they were given.
    public let index: Int
    /// Its output, or why there is none.
    public let result: Result<Output, any Error>

    /// What a pass has found, for whoever makes it; nil at its end.
    init?<Work: WorkerTask>(_ found: MapSession.Result?, of type: Work.Type) where Work.Output == Output {
        guard let (index, outcome) = found else { return nil }
        self.index = index
        result = Result { try TaskCoding.output(of: type, outcome) }
    }
}

/// What became of each of many tasks, as an `AsyncSequence`. Made by
/// `WorkerPool.outcomes(of:order:priority:progress:)`.
///
/// As ``WorkerResults``, but the failure of a task is an element like the others and ends nothing.
public struct WorkerOutcomes<Tasks: Sequence>: AsyncSequence where Tasks.Element: WorkerTask {
    /// What became of a task.
    public typealias Element = WorkerOutcome<Tasks.Element.Output>
    /// `.cancelled`, or `.encodingFailed` for a task that cannot be encoded.
    public typealias Failure = IPCError

    private let tasks: Tasks
    private let plan: MapPlan

    init(_ tasks: Tasks, _ plan: MapPlan) {
        self.tasks = tasks
        self.plan = plan
    }

    /// One pass over the tasks. Not to be shared between tasks.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let feed: MapFeed<Tasks>

        fileprivate init(_ feed: MapFeed<Tasks>) {
            self.feed = feed
        }

        /// What became of the next task; nil at the end.
        public mutating func next() async throws(IPCError) -> Element? {
            WorkerOutcome(try await feed.next(), of: Tasks.Element.self)
        }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> Element? {
            try await next()
        }
    }

    /// Starts a pass.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(MapFeed(tasks, plan)) }
}

extension WorkerOutcomes: Sendable where Tasks: Sendable {}

@available(*, unavailable)
extension WorkerOutcomes.AsyncIterator: Sendable {}
