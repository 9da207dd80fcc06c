import IPCSystem

extension WorkerPool {
    /// Runs one task in a worker and waits for its output.
    ///
    /// - Parameters:
    ///   - task: what to run.
    ///   - deadline: when to give up. The task knows it (``WorkerContext/deadline``) and is cancelled then; if it goes on
    ///     for longer than ``WorkerPoolOptions/cancellationGrace``, its worker is killed and replaced.
    ///   - priority: which task goes first when several wait.
    ///   - progress: is told how far the task is.
    /// - Throws: what the task threw, as ``WorkerTask`` says; `IPCError` with `.workerCrashed`, `.cancelled`,
    ///   `.timedOut` (the deadline, or the task's ``WorkerJob/timeLimit-swift.property``), `.resourceExhausted`
    ///   (``WorkerPoolOptions/memoryLimit``, or no memory or no descriptor for a large value), `.descriptorsTruncated` (no
    ///   descriptor for a large output), `.handshakeFailed`, `.restartLimitReached`, `.closed`, `.unsupported`, `.invalidArgument` (the workers do not serve this type, or it has too many
    ///   descriptors), `.encodingFailed`, `.decodingFailed`.
    public func run<Work: WorkerTask>(
        _ task: Work, until deadline: Deadline = .never, priority: WorkerPriority = .normal,
        progress: WorkerProgress? = nil
    ) async throws -> Work.Output {
        let single = SingleTask(progress: progress)
        try submit(task, for: .single(single), until: deadline, priority)
        let outcome: TaskOutcome
        do throws(IPCError) {
            outcome = try await single.wait(until: deadline)
        } catch {
            abandon { if case .single(let other) = $0 { other === single } else { false } }
            throw error
        }
        return try TaskCoding.output(of: Work.self, outcome)
    }

    /// Hands one task in.
    func submit<Work: WorkerJob>(
        _ task: Work, for owner: TaskOwner, until deadline: Deadline = .never, _ priority: WorkerPriority,
        window: UInt32 = 0
    ) throws(IPCError) {
        let submission = Dispatcher<TaskOwner>.Submission(
            owner: owner, type: number(of: Work.self),
            bytes: try TaskCoding.encode(task, sharedFrom: sharedValueSize, values),
            attempts: max(1, Work.maximumAttempts),
            deadline: deadline, priority: priority, timeLimit: task.timeLimit?.nanosecondsClamped, window: window)
        step { shared, step in
            shared.dispatcher.submit([submission], at: MonotonicClock.nanoseconds, into: &step)
        }
    }

    /// Gives up the tasks whose owner `isUnwanted` picks.
    func abandon(where isUnwanted: (TaskOwner) -> Bool) {
        step { shared, step in
            shared.dispatcher.abandon(at: MonotonicClock.nanoseconds, into: &step, where: isUnwanted)
        }
        signalDrainers()
    }
}
