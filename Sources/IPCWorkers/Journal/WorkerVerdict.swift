/// Why a worker ended itself under a task. It does so in an instant in which that task runs and no other: so the blame never
/// falls on the next one.
enum WorkerVerdict: Sendable, Equatable {
    /// The task ran for longer than ``WorkerJob/timeLimit-swift.property``.
    case timeLimit
    /// The task went on after it had been cancelled.
    case cancellation
    /// The process had so many bytes.
    case memory(byteCount: Int)

    var number: UInt64 {
        switch self {
        case .timeLimit: 1
        case .cancellation: 2
        case .memory: 3
        }
    }

    init?(number: UInt64, byteCount: UInt64) {
        switch number {
        case 1: self = .timeLimit
        case 2: self = .cancellation
        case 3: self = .memory(byteCount: Int(clamping: byteCount))
        default: return nil
        }
    }

    /// What the task fails with.
    func error(_ processID: Int32) -> IPCError {
        let object = "process \(processID)"
        return switch self {
        case .timeLimit:
            IPCError(
                .timedOut, "run a task: it took longer than its time limit; its worker was ended and is replaced",
                object: object)
        case .cancellation:
            IPCError(
                .cancelled,
                "run a task: it went on after it had been cancelled, so its worker was ended and is replaced; "
                    + "look at Task.isCancelled in long loops, or raise cancellationGrace", object: object)
        case .memory(let byteCount):
            IPCError(
                .resourceExhausted,
                "run a task: its worker had \(byteCount / 1024) KiB in memory, more than memoryLimit allows, and was "
                    + "ended", object: object)
        }
    }
}
