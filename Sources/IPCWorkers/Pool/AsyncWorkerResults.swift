/// The outputs of the tasks of an asynchronous sequence. Made by `WorkerPool.map(_:order:priority:progress:)`.
///
/// As ``WorkerResults``; the input is read by a task of its own while outputs are taken.
public struct AsyncWorkerResults<Tasks: AsyncSequence & Sendable>: AsyncSequence, Sendable
where Tasks.Element: WorkerTask {
    /// The output of a task.
    public typealias Element = Tasks.Element.Output
    /// What a task or the input threw, or an `IPCError`.
    public typealias Failure = any Error

    private let outcomes: AsyncWorkerOutcomes<Tasks>

    init(_ outcomes: AsyncWorkerOutcomes<Tasks>) {
        self.outcomes = outcomes
    }

    /// One pass over the tasks. Not to be shared between tasks.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var outcomes: AsyncWorkerOutcomes<Tasks>.AsyncIterator

        fileprivate init(_ outcomes: AsyncWorkerOutcomes<Tasks>.AsyncIterator) {
            self.outcomes = outcomes
        }

        /// The next output; nil at the end. The first failure of a task ends the pass, and gives up the others.
        public mutating func next() async throws -> Element? {
            guard let outcome = try await outcomes.next() else { return nil }
            switch outcome.result {
            case .success(let output): return output
            case .failure(let error):
                outcomes.stop()
                throw error
            }
        }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await next()
        }
    }

    /// Starts a pass.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(outcomes.makeAsyncIterator()) }
}

@available(*, unavailable)
extension AsyncWorkerResults.AsyncIterator: Sendable {}

/// What became of each task of an asynchronous sequence. Made by
/// `WorkerPool.outcomes(of:order:priority:progress:)`.
///
/// As ``AsyncWorkerResults``, but the failure of a task is an element like the others and ends nothing.
public struct AsyncWorkerOutcomes<Tasks: AsyncSequence & Sendable>: AsyncSequence, Sendable
where Tasks.Element: WorkerTask {
    /// What became of a task.
    public typealias Element = WorkerOutcome<Tasks.Element.Output>
    /// What the input threw, or an `IPCError`: `.cancelled`, or `.encodingFailed` for a task that cannot be encoded.
    public typealias Failure = any Error

    private let tasks: Tasks
    private let plan: MapPlan

    init(_ tasks: Tasks, _ plan: MapPlan) {
        self.tasks = tasks
        self.plan = plan
    }

    /// One pass over the tasks. Not to be shared between tasks.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let feed: AsyncMapFeed<Tasks>

        fileprivate init(_ feed: AsyncMapFeed<Tasks>) {
            self.feed = feed
        }

        /// What became of the next task; nil at the end.
        public mutating func next() async throws -> Element? {
            guard let (index, outcome) = try await feed.next() else { return nil }
            return WorkerOutcome(
                index: index, result: Result { try TaskCoding.output(of: Tasks.Element.self, outcome) })
        }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await next()
        }

        /// Gives up what is on its way.
        func stop() { feed.stop() }
    }

    /// Starts a pass.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(AsyncMapFeed(tasks, plan)) }
}

@available(*, unavailable)
extension AsyncWorkerOutcomes.AsyncIterator: Sendable {}
