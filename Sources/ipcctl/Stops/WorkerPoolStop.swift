import IPCSystem
import IPCWorkers

/// Tasks in worker processes: round trips one by one, many at once, and a worker that dies.
struct WorkerPoolStop: TourStop {
    let mechanism = "worker pool"

    func visit(until deadline: Deadline) async throws -> TourResult {
        var result = try await withWorkerPool(of: .exactly(2)) { pool in
            var result = TourResult()
            try await measureRoundTrips(&result, pool, until: deadline)
            try await measureMap(&result, pool)
            return result
        }
        result.deathNotice = try await withWorkerPool(of: .exactly(1)) { pool in
            let notice = try await noticeDeath(pool, until: deadline)
            // The pool has replaced the worker, and goes on.
            let output = try await pool.run(TourTask(bytes: [1, 2, 3]), until: deadline)
            try require(output == [3, 2, 1], "the pool did not go on")
            return notice
        }
        result.messagesChecked += 1
        return result
    }

    private func measureRoundTrips(
        _ result: inout TourResult, _ pool: WorkerPool, until deadline: Deadline
    ) async throws {
        let clock = ContinuousClock()
        for round in 0..<1_000 {
            let task = TourTask(bytes: Pattern.bytes(count: 64, seed: round))
            let start = clock.now
            let output = try await pool.run(task, until: deadline)
            result.roundTrips.append(clock.now - start)
            try require(output == task.bytes.reversed(), "task \(round) gave something else")
            result.messagesChecked += 1
        }
    }

    private func measureMap(_ result: inout TourResult, _ pool: WorkerPool) async throws {
        let bytes = Pattern.bytes(count: 65_536, seed: 7)
        let expected = Array(bytes.reversed())
        let count = 256
        let start = ContinuousClock.now
        for try await output in pool.map((0..<count).map { _ in TourTask(bytes: bytes) }) {
            try require(output == expected, "a task of the map gave something else")
            result.messagesChecked += 1
        }
        result.streamTime = ContinuousClock.now - start
        result.byteCount = count * bytes.count
    }

    /// From the kill of a worker to the failure of the task that it runs.
    private func noticeDeath(_ pool: WorkerPool, until deadline: Deadline) async throws -> Duration {
        let worker = try await pool.run(TourWorkerTask(staysFor: .zero), until: deadline)
        let clock = ContinuousClock()
        let waiting = Task { () -> (IPCError?, ContinuousClock.Instant) in
            do {
                _ = try await pool.run(TourWorkerTask(staysFor: .seconds(60)), until: deadline)
                return (nil, clock.now)
            } catch {
                return (error as? IPCError, clock.now)
            }
        }
        try await Task.sleep(for: .milliseconds(50))
        let killed = clock.now
        // A worker leads a group of its own.
        try ProcessCalls.signalGroup(numbered: worker, Signal.kill.rawValue)
        let (error, noticed) = await waiting.value
        try require(
            error?.code == .workerCrashed, "the death of the worker was seen as \(error.map { "\($0)" } ?? "success")")
        return noticed - killed
    }

    func serve(_ arguments: [String]) async throws {
        throw UsageError("\(mechanism) starts its own second processes")
    }
}

/// Bytes there, the same backwards.
struct TourTask: WorkerTask {
    var bytes: [UInt8]

    func run(in context: WorkerContext) async -> [UInt8] { bytes.reversed() }
}

/// Tells the process id of the worker, after a while.
struct TourWorkerTask: WorkerTask {
    var staysFor: Duration

    func run(in context: WorkerContext) async throws -> Int32 {
        try await Task.sleep(for: staysFor)
        return ProcessFacts.processID
    }
}
