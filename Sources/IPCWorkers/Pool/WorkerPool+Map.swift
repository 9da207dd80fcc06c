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
    /// - Returns: a sequence that throws the failure of the first task that fails and gives up the others. See
    ///   ``outcomes(of:order:)`` for one that goes on.
    public func map<Tasks: Sequence>(
        _ tasks: Tasks, order: ResultOrder = .asGiven
    ) -> WorkerResults<Tasks> where Tasks.Element: WorkerTask {
        WorkerResults(outcomes(of: tasks, order: order))
    }

    /// Runs each task of a sequence in a worker and tells what became of each.
    public func outcomes<Tasks: Sequence>(
        of tasks: Tasks, order: ResultOrder = .asGiven
    ) -> WorkerOutcomes<Tasks> where Tasks.Element: WorkerTask {
        WorkerOutcomes(self, tasks, order)
    }
}
