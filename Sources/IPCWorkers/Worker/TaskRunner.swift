/// Runs tasks of one type in the worker: bytes in, bytes out. A class, so that one table holds them all.
class TaskRunner: @unchecked Sendable {
    // SAFETY: neither this class nor those below have anything that changes.
    let name: String

    init(name: String) {
        self.name = name
    }

    /// Runs the task that `request` encodes and writes its encoded output to `buffer`.
    ///
    /// - Returns: the descriptors of the output.
    func run(
        _ request: TaskBytes, in context: WorkerContext, emitting outlet: ItemOutlet?,
        writingTo buffer: inout MessageBuffer
    ) async throws(CallFailure) -> [PassedDescriptor] {
        throw CallFailure(IPCError(.unsupported, "run a task: its type is unknown", object: name))
    }

    /// A runner for either kind of task.
    static func make<Work: WorkerJob>(for type: Work.Type) throws(IPCError) -> TaskRunner {
        if let type = type as? any WorkerTask.Type { return single(type) }
        if let type = type as? any StreamingWorkerTask.Type { return streaming(type) }
        throw IPCError(
            .invalidArgument, "serve tasks: a type is neither a WorkerTask nor a StreamingWorkerTask", object: "\(type)"
        )
    }

    private static func single<Work: WorkerTask>(_ type: Work.Type) -> TaskRunner { SingleTaskRunner<Work>() }
    private static func streaming<Work: StreamingWorkerTask>(_ type: Work.Type) -> TaskRunner {
        StreamingTaskRunner<Work>()
    }

    final func decode<Work: WorkerJob>(_ type: Work.Type, _ request: TaskBytes) throws(CallFailure) -> Work {
        do throws(IPCError) {
            return try TaskCoding.decode(Work.self, from: request)
        } catch {
            throw CallFailure(error)
        }
    }
}

final class SingleTaskRunner<Work: WorkerTask>: TaskRunner, @unchecked Sendable {
    init() {
        super.init(name: Work.workerTaskName)
    }

    override func run(
        _ request: TaskBytes, in context: WorkerContext, emitting outlet: ItemOutlet?,
        writingTo buffer: inout MessageBuffer
    ) async throws(CallFailure) -> [PassedDescriptor] {
        guard outlet == nil else { throw CallFailure(CallWire.violation("a stream of a task with one output")) }
        let work = try decode(Work.self, request)
        let output: Work.Output
        do {
            output = try await work.run(in: context)
        } catch {
            throw TaskErrors.failure(for: error)
        }
        do throws(IPCError) {
            return try TaskCoding.append(output, to: &buffer)
        } catch {
            throw CallFailure(error)
        }
    }
}

final class StreamingTaskRunner<Work: StreamingWorkerTask>: TaskRunner, @unchecked Sendable {
    init() {
        super.init(name: Work.workerTaskName)
    }

    override func run(
        _ request: TaskBytes, in context: WorkerContext, emitting outlet: ItemOutlet?,
        writingTo buffer: inout MessageBuffer
    ) async throws(CallFailure) -> [PassedDescriptor] {
        guard let outlet else { throw CallFailure(CallWire.violation("one output of a task that is a stream")) }
        let work = try decode(Work.self, request)
        let emit = WorkerEmitter<Work.Element> { (element) throws(IPCError) in
            try await outlet.emit(element)
        }
        do {
            try await work.run(in: context, emit: emit)
        } catch {
            throw TaskErrors.failure(for: error)
        }
        return []
    }
}
