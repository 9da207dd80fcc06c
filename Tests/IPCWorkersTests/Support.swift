import IPCSystem
import IPCWorkers
import Testing

/// The helper program, which stands beside the test runner.
let helperPath: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
}()

extension WorkerPoolOptions {
    /// Workers of the helper program. They crash on purpose: the runtime's backtraces would take seconds and hold the
    /// pipes open.
    static var helper: WorkerPoolOptions {
        WorkerPoolOptions(
            executable: .path(helperPath), environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=no"]),
            handshakeTimeout: .seconds(200), standardError: .discarded)
    }
}

/// A pool of the helper program.
func withHelperPool<Result>(
    _ count: Int = 2, options: WorkerPoolOptions = .helper, _ body: (WorkerPool) async throws -> Result
) async throws -> Result {
    try await withWorkerPool(of: .exactly(count), options: options) { pool in try await body(pool) }
}

/// The error that `body` throws.
func thrown<Result>(_ body: () async throws -> Result) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// The code of the library's error that `body` throws.
func code<Result>(_ body: () async throws -> Result) async -> IPCError.Code? {
    (await thrown(body) as? IPCError)?.code
}

/// Whether a process of this number is there and no zombie.
func isAlive(_ process: Int32) async throws -> Bool {
    let output = try await Command("ps", "-o", "stat=", "-p", "\(process)").output()
    return output.status.isSuccess && !output.text.hasPrefix("Z")
}

/// Stops a process. The signal has it stop when one of its threads has the processor next, and until then the others go on.
func stop(_ process: Int32) async throws {
    _ = try await Command("kill", "-STOP", "\(process)").output().checked()
    try await eventually {
        let threads = try await Command("ps", "-L", "-o", "stat=", "-p", "\(process)").output().checked().lines
        return threads.allSatisfy { $0.hasPrefix("T") }
    }
}

/// Waits until `condition` holds; fails long before the suite's time limit, so that the test cleans up and tells where.
func eventually(
    _ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        try #require(ContinuousClock.now < end, "it never came true", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A directory that goes when the body is done.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = try await Command("mktemp", "-d").output().checked().lines[0]
    let result: Result
    do {
        result = try await body(path)
    } catch {
        try await Command("rm", "-rf", path).run()
        throw error
    }
    try await Command("rm", "-rf", path).run()
    return result
}

/// Counts from 0.
final class Counter: Sendable {
    private let count = Lock(0)

    var value: Int { count.withLock { $0 } }

    func next() -> Int {
        count.withLock { count in
            defer { count += 1 }
            return count
        }
    }
}

func exists(_ path: String) -> Bool { (try? FileCalls.status(at: path)) != nil }
