import CBaselines
import IPCWorkers

/// A task that does nothing but say which one it was.
struct NoOperation: WorkerTask {
    var number: UInt64

    func run(in context: WorkerContext) async throws -> UInt64 { number }
}

/// A task that gives back its bytes.
struct EchoBytes: WorkerTask {
    var bytes: [UInt8]

    func run(in context: WorkerContext) async throws -> [UInt8] { bytes }
}

/// Tasks that do nothing, or give back their bytes, through a pool, one result after the other.
struct PoolWork {
    /// The argument of the processes that serve the tasks.
    static let workerArgument = "--serve-tasks"

    let assignment: ProcessAssignment

    /// Gives tasks to the workers until the time is over.
    func perform() async -> cbase_report {
        let window = TimeWindow(warmUp: cbase_warm_up_trips, nanoseconds: assignment.nanoseconds)
        let options = WorkerPoolOptions(arguments: [Self.workerArgument])
        var log = TimeLog(window)
        do {
            try await withWorkerPool(of: .exactly(assignment.job.channels), options: options) { pool in
                if assignment.job.work == .pool {
                    for try await number in pool.map(Numbers(window: window)) {
                        guard Self.count(number == log.report.received, &log) else { break }
                    }
                } else {
                    for try await bytes in pool.map(Blocks(window: window, size: assignment.job.bytes)) {
                        let mark = UInt8(truncatingIfNeeded: log.report.received)
                        let isRight = bytes.count == assignment.job.bytes && bytes.first == mark && bytes.last == mark
                        guard Self.count(isRight, &log) else { break }
                    }
                }
            }
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    private static func count(_ isRight: Bool, _ log: inout TimeLog) -> Bool {
        guard isRight else {
            log.note("the result of another task came")
            return false
        }
        log.report.sent += 1
        log.report.received += 1
        log.end()
        return true
    }

    /// What a worker process does.
    static func serve() async {
        do {
            try await Worker.serveIfSpawned(NoOperation.self, EchoBytes.self)
            say("ipcbench: \(workerArgument) is for workers that a pool has started")
        } catch {
            say("ipcbench: \(error)")
        }
    }

    /// Tasks, numbered, until the window closes.
    private struct Numbers: Sequence, IteratorProtocol {
        let window: TimeWindow
        private var following: UInt64 = 0

        init(window: TimeWindow) {
            self.window = window
        }

        mutating func next() -> NoOperation? {
            guard cbase_now() < window.end else { return nil }
            defer { following += 1 }
            return NoOperation(number: following)
        }
    }

    /// Blocks of bytes whose first and last say which they are, until the window closes.
    private struct Blocks: Sequence, IteratorProtocol {
        let window: TimeWindow
        private var bytes: [UInt8]
        private var following: UInt8 = 0

        init(window: TimeWindow, size: Int) {
            self.window = window
            bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        }

        mutating func next() -> EchoBytes? {
            guard cbase_now() < window.end else { return nil }
            bytes[0] = following
            bytes[bytes.count - 1] = following
            following &+= 1
            return EchoBytes(bytes: bytes)
        }
    }
}
