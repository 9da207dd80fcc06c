import IPCSockets
import IPCSystem

extension WorkerPool {
    /// Runs one task in a worker and waits for its output.
    ///
    /// - Parameters:
    ///   - task: what to run.
    ///   - deadline: when to give up. The task knows it (``WorkerContext/deadline``) and is cancelled then.
    /// - Throws: what the task threw, as ``WorkerTask`` says; `IPCError` with `.workerCrashed`, `.cancelled`,
    ///   `.timedOut`, `.handshakeFailed`, `.restartLimitReached`, `.closed`, `.unsupported`, `.invalidArgument` (the
    ///   workers do not serve this type), `.encodingFailed`, `.decodingFailed`, `.messageTooLarge`.
    public func run<Work: WorkerTask>(_ task: Work, until deadline: Deadline = .never) async throws -> Work.Output {
        let single = SingleTask()
        let type = number(of: Work.self)
        let bytes = TaskBytes(try TaskCoding.encode(task))
        step { shared, step in
            let submission = Dispatcher<TaskOwner>.Submission(
                owner: .single(single), type: type, bytes: bytes, attempts: max(1, Work.maximumAttempts),
                deadline: deadline)
            shared.dispatcher.submit([submission], at: MonotonicClock.nanoseconds, into: &step)
        }
        let outcome: TaskOutcome
        do throws(IPCError) {
            outcome = try await single.wait(until: deadline)
        } catch {
            abandon { if case .single(single) = $0 { true } else { false } }
            throw error
        }
        return try TaskCoding.output(of: Work.self, outcome)
    }

    /// Gives up the tasks whose owner `isUnwanted` picks.
    func abandon(where isUnwanted: (TaskOwner) -> Bool) {
        step { shared, step in shared.dispatcher.abandon(into: &step, where: isUnwanted) }
    }
}

private func ~= (pattern: SingleTask, value: SingleTask) -> Bool { pattern === value }

/// Tasks to bytes, bytes to outputs.
enum TaskCoding {
    static func encode<Work: WorkerTask>(_ task: Work) throws(IPCError) -> [UInt8] {
        var buffer = MessageBuffer()
        try append(task, to: &buffer)
        return [UInt8](buffer.bytes)
    }

    static func append<Work: WorkerTask>(_ task: Work, to buffer: inout MessageBuffer) throws(IPCError) {
        let before = buffer.count
        try BinaryCodec.encode(task, into: &buffer)
        let limit = WorkerLink.socketOptions.maximumMessageSize - CallWire.headerSize - CallWire.requestFieldsSize
        guard buffer.count - before <= limit else {
            throw IPCError(
                .messageTooLarge, "send a task: it has \(buffer.count - before) bytes; at most \(limit) are possible",
                object: Work.workerTaskName)
        }
    }

    static func output<Work: WorkerTask>(of type: Work.Type, _ outcome: TaskOutcome) throws -> Work.Output {
        switch outcome {
        case .value(let bytes): return try BinaryCodec.decode(Work.Output.self, from: bytes.span)
        case .failed(let failure): throw TaskErrors.error(from: failure, oneOf: Work.thrownErrors)
        case .lost(let error): throw error
        }
    }
}
