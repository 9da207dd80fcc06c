extension WorkerPool {
    /// Runs each task of a sequence in a worker and gives their outputs.
    ///
    /// ```swift
    /// for try await count in pool.map(paths.map(CountWords.init)) { total += count }
    /// ```
    ///
    /// Short tasks travel in batches. Nothing runs before the first output is asked for, and the input is read by whoever
    /// asks, so it may be any sequence, a lazy or an endless one too.
    ///
    /// - Parameters:
    ///   - tasks: what to run.
    ///   - order: in which order the outputs come.
    ///   - priority: which tasks go first when others wait as well.
    ///   - progress: is told of each task that is done, and of what tasks say of themselves.
    /// - Returns: a sequence that throws the failure of the first task that fails and gives up the others. See
    ///   `outcomes(of:order:priority:progress:)` for one that goes on.
    public func map<Tasks: Sequence>(
        _ tasks: Tasks, order: ResultOrder = .asGiven, priority: WorkerPriority = .normal,
        progress: WorkerProgress? = nil
    ) -> WorkerResults<WorkerOutcomes<Tasks>, Tasks.Element.Output> where Tasks.Element: WorkerTask {
        WorkerResults(outcomes(of: tasks, order: order, priority: priority, progress: progress))
    }

    /// Runs each task of a sequence in a worker and tells what became of each.
    public func outcomes<Tasks: Sequence>(
        of tasks: Tasks, order: ResultOrder = .asGiven, priority: WorkerPriority = .normal,
        progress: WorkerProgress? = nil
    ) -> WorkerOutcomes<Tasks> where Tasks.Element: WorkerTask {
        WorkerOutcomes(tasks, MapPlan(pool: self, order: order, priority: priority, progress: progress))
    }

    /// Runs each task of an asynchronous sequence in a worker and gives their outputs.
    ///
    /// ```swift
    /// for try await size in pool.map(listing.paths.map(Measure.init), order: .asCompleted) { … }
    /// ```
    ///
    /// The input is read by a task of its own, as fast as the workers and whoever takes the outputs allow: no more than
    /// ``WorkerPoolOptions/lookAhead`` tasks are between the two.
    ///
    /// - Returns: a sequence that throws the failure of the first task that fails, or what the input throws after the outputs
    ///   of the tasks before it.
    @_disfavoredOverload
    public func map<Tasks: AsyncSequence & Sendable>(
        _ tasks: Tasks, order: ResultOrder = .asGiven, priority: WorkerPriority = .normal,
        progress: WorkerProgress? = nil
    ) -> WorkerResults<AsyncWorkerOutcomes<Tasks>, Tasks.Element.Output> where Tasks.Element: WorkerTask {
        WorkerResults(outcomes(of: tasks, order: order, priority: priority, progress: progress))
    }

    /// Runs each task of an asynchronous sequence in a worker and tells what became of each.
    @_disfavoredOverload
    public func outcomes<Tasks: AsyncSequence & Sendable>(
        of tasks: Tasks, order: ResultOrder = .asGiven, priority: WorkerPriority = .normal,
        progress: WorkerProgress? = nil
    ) -> AsyncWorkerOutcomes<Tasks> where Tasks.Element: WorkerTask {
        AsyncWorkerOutcomes(tasks, MapPlan(pool: self, order: order, priority: priority, progress: progress))
    }
}

/// How a map goes, whatever its input.
struct MapPlan: Sendable {
    let pool: WorkerPool
    let order: ResultOrder
    let priority: WorkerPriority
    let progress: WorkerProgress?
}
