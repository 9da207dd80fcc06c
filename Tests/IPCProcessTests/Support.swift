import IPCProcess
import IPCSystem
import Testing

/// The helper program, which stands beside the test runner.
let helperPath: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
}()

/// Runs a scenario of the helper program to its end and expects that it found nothing wrong.
func expectScenario(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let output = try await Command(.path(helperPath), arguments: arguments).output(until: .after(.seconds(240)))
    #expect(output.status.isSuccess, "\(output.text)\(output.errorText)", sourceLocation: sourceLocation)
}

/// Runs a line of shell and returns what it wrote.
func shell(_ line: String, options: ChildProcess.Options = .init()) async throws -> CommandOutput {
    try await Command("sh", "-c", line, options: options).output(until: .after(.seconds(60)))
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

/// Whether a process of this number is there and no zombie.
func isAlive(_ process: Int32) async throws -> Bool {
    let output = try await Command("ps", "-o", "stat=", "-p", "\(process)").output()
    return output.status.isSuccess && !output.text.hasPrefix("Z")
}

/// Waits until `condition` holds. The suite's time limit is what ends it otherwise.
func eventually(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
}

/// The error that `body` throws.
func failure<Result>(_ body: () async throws(IPCError) -> Result) async -> IPCError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
