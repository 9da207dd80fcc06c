/// Runs tasks of one type in the worker: bytes in, bytes out. A class, so that one table holds them all.
class TaskRunner: @unchecked Sendable {
    // SAFETY: neither this class nor the one below has anything that changes.
    let name: String

    init(name: String) {
        self.name = name
    }

    /// Runs the task that `request` encodes and writes its encoded output to `buffer`.
    func run(
        _ request: TaskBytes, in context: WorkerContext, writingTo buffer: inout MessageBuffer
    ) async throws(CallFailure) {
        throw CallFailure(IPCError(.unsupported, "run a task: its type is unknown", object: name))
    }
}

/// The one subclass.
final class TypedTaskRunner<Work: WorkerTask>: TaskRunner, @unchecked Sendable {
    init() {
        super.init(name: Work.workerTaskName)
    }

    override func run(
        _ request: TaskBytes, in context: WorkerContext, writingTo buffer: inout MessageBuffer
    ) async throws(CallFailure) {
        let work: Work
        do throws(IPCError) {
            work = try BinaryCodec.decode(Work.self, from: request.span)
        } catch {
            throw CallFailure(error)
        }
        let output: Work.Output
        do {
            output = try await work.run(in: context)
        } catch {
            throw TaskErrors.failure(for: error)
        }
        do throws(IPCError) {
            try BinaryCodec.encode(output, into: &buffer)
        } catch {
            throw CallFailure(error)
        }
    }
}
