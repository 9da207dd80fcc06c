/// What became of each task of an asynchronous sequence. Made by
/// `WorkerPool.outcomes(of:order:priority:progress:)`.
///
/// As ``WorkerOutcomes``; the input is read by a task of its own while outcomes are taken.
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
            WorkerOutcome(try await feed.next(), of: Tasks.Element.self)
        }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await next()
        }
    }

    /// Starts a pass.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(AsyncMapFeed(tasks, plan)) }
}

@available(*, unavailable)
extension AsyncWorkerOutcomes.AsyncIterator: Sendable {}
