import IPCSystem

/// What a streaming task emits, as an `AsyncSequence`. Made by
/// ``WorkerPool/stream(_:window:until:priority:progress:)``.
///
/// Each iteration runs the task. Leaving the loop early cancels it.
public struct WorkerStream<Work: StreamingWorkerTask>: AsyncSequence, Sendable {
    /// What the task emits.
    public typealias Element = Work.Element
    /// What the task threw, or an `IPCError`.
    public typealias Failure = any Error

    let pool: WorkerPool
    let work: Work
    /// Elements that the task may emit before they are taken.
    public let window: Int
    let deadline: Deadline
    let priority: WorkerPriority
    let progress: WorkerProgress?

    /// One run of the task. Not to be shared between tasks.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let pass: StreamPass<Work>

        fileprivate init(_ pass: StreamPass<Work>) {
            self.pass = pass
        }

        /// The next element; nil when the task is done.
        ///
        /// - Throws: what the task threw, after the elements that it emitted before; `IPCError` as
        ///   ``WorkerPool/run(_:until:priority:progress:)``.
        public mutating func next() async throws -> Element? { try await pass.next() }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await next()
        }
    }

    /// Starts the task when its first element is asked for.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(StreamPass(self)) }
}

@available(*, unavailable)
extension WorkerStream.AsyncIterator: Sendable {}

extension WorkerPool {
    /// Runs a task that emits values while it runs.
    ///
    /// - Parameters:
    ///   - task: what to run.
    ///   - window: how many values the task may emit before they are taken, from 1 to 65,536.
    ///   - deadline: when to give up, as in ``run(_:until:priority:progress:)``.
    ///   - priority: which task goes first when several wait.
    ///   - progress: is told how far the task is.
    public func stream<Work: StreamingWorkerTask>(
        _ task: Work, window: Int = 64, until deadline: Deadline = .never, priority: WorkerPriority = .normal,
        progress: WorkerProgress? = nil
    ) -> WorkerStream<Work> {
        WorkerStream(
            pool: self, work: task, window: window, deadline: deadline, priority: priority, progress: progress)
    }
}

/// One run of a streaming task. Used by one task at a time.
private final class StreamPass<Work: StreamingWorkerTask> {
    private let stream: WorkerStream<Work>
    private let session: StreamSession
    private var hasStarted = false
    private var isOver = false

    init(_ stream: WorkerStream<Work>) {
        self.stream = stream
        session = StreamSession(window: stream.window, progress: stream.progress)
    }

    deinit { stop() }

    private func stop() {
        guard hasStarted, !isOver else { return }
        isOver = true
        let session = session
        stream.pool.abandon { if case .stream(let other) = $0 { other === session } else { false } }
    }

    func next() async throws -> Work.Element? {
        if isOver { return nil }
        do {
            if !hasStarted {
                try stream.pool.submit(
                    stream.work, for: .stream(session), until: stream.deadline, stream.priority,
                    window: UInt32(session.window))
                hasStarted = true
            }
            switch try await session.next(until: stream.deadline) {
            case .item(let bytes, let credit):
                if credit > 0 { stream.pool.grant(credit, to: session) }
                return try TaskCoding.decode(Work.Element.self, from: bytes)
            case .end(let outcome):
                isOver = true
                return try end(outcome)
            }
        } catch {
            stop()
            isOver = true
            throw error
        }
    }

    private func end(_ outcome: TaskOutcome) throws -> Work.Element? {
        switch outcome {
        case .value: return nil
        case .failed(let failure): throw TaskErrors.error(from: failure, oneOf: Work.thrownErrors)
        case .lost(let error): throw error
        }
    }
}
