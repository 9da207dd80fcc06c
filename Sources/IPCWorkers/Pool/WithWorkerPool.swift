/// Starts worker processes, gives a pool of them to `body`, and ends them when it is done.
///
/// ```swift
/// let total = try await withWorkerPool(of: .coreCount) { pool in
///     try await pool.map(paths.map(CountWords.init)).reduce(0, +)
/// }
/// ```
///
/// The workers are this program, started again (or ``WorkerPoolOptions/executable``); its `main` must begin with
/// ``Worker/serveIfSpawned(_:)``. They get this process's environment, no descriptor but their own channel, and they die
/// with this process, even when that is killed.
///
/// Whatever way the body ends, no worker is left behind: tasks that still run are cancelled (``WorkerPool/drain(until:)``
/// waits for them), workers get
/// ``WorkerPoolOptions/shutdownGrace`` to leave, and are then killed with all that they have started.
///
/// - Throws: what `body` throws. That workers cannot be started is an error of the pool's operations.
public func withWorkerPool<Result, Failure: Error>(
    of count: WorkerCount = .coreCount, options: WorkerPoolOptions = WorkerPoolOptions(),
    _ body: (WorkerPool) async throws(Failure) -> Result
) async throws(Failure) -> Result {
    let pool = WorkerPool(count: count.resolved, options: options)
    let outcome: Swift.Result<Result, Failure> = await withDiscardingTaskGroup { group in
        for lane in 0..<pool.laneCount {
            group.addTask(executorPreference: IPCExecutor.shared) { await WorkerLane(pool, lane).keep() }
        }
        group.addTask(executorPreference: IPCExecutor.shared) { await PoolWatch(pool).run() }
        let outcome: Swift.Result<Result, Failure>
        do throws(Failure) {
            outcome = .success(try await body(pool))
        } catch {
            outcome = .failure(error)
        }
        pool.close()
        group.cancelAll()
        return outcome
    }
    return try outcome.get()
}
