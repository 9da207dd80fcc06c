import CBaselines
import IPCWorkers

/// A task that does nothing but say which one it was.
struct NoOperation: WorkerTask {
    var number: UInt64

    func run(in context: WorkerContext) async throws -> UInt64 { number }
}

/// Tasks that do nothing, through a pool, one result after the other.
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
                for try await number in pool.map(Numbers(window: window)) {
                    guard number == log.report.received else {
                        log.note("the result of another task came")
                        break
                    }
                    log.report.sent += 1
                    log.report.received += 1
                    log.end()
                }
            }
        } catch {
            log.note("\(error)")
        }
        return TimeLog.report(of: [log], in: window)
    }

    /// What a worker process does.
    static func serve() async {
        do {
            try await Worker.serveIfSpawned(NoOperation.self)
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
}
