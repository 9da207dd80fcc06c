import IPCProcess
import IPCSharedMemory
import IPCSystem
import Testing

/// The program beside the tests that plays the other process.
let helperPath: String = {
    let tests = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return tests.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        + "/ipc-test-helper"
}()

/// The first line that the helper says.
func helper(_ arguments: [String], environment: [String: String?] = [:]) async throws -> String {
    let output = try await Command(
        .path(helperPath), arguments: arguments,
        options: ChildProcess.Options(environment: .inherit.updating(environment))
    ).output()
    #expect(output.status.isSuccess, "\(arguments): \(output.status) \(output.errorText)")
    return output.text.split(separator: "\n").first.map(String.init) ?? ""
}

/// A name of its own in /dev/shm, free before and after `body`.
func withName<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let name = "ipc-test-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
    do {
        let result = try await body(name)
        try? SharedMemory.remove(.named(name))
        return result
    } catch {
        try? SharedMemory.remove(.named(name))
        throw error
    }
}

/// A folder of its own for `body`, removed with what is in it.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/ipc-memory-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
    try FileCalls.makeDirectory(path, permissions: 0o700)
    do {
        let result = try await body(path)
        _ = try? await Command("rm", "-rf", path).output()
        return result
    } catch {
        _ = try? await Command("rm", "-rf", path).output()
        throw error
    }
}

/// Waits until `condition` holds, for a minute at most.
func eventually(_ condition: () async throws -> Bool) async throws {
    let deadline = Deadline.after(.seconds(60))
    while !(try await condition()) {
        try #require(!deadline.hasPassed, "it has not come to pass")
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// The code of the error that `body` throws; nil when it throws none.
func code(_ body: () async throws -> Void) async -> IPCError.Code? {
    do {
        try await body()
        return nil
    } catch let error as IPCError {
        return error.code
    } catch {
        Issue.record("not an error of this library: \(error)")
        return nil
    }
}

/// Whether the tests run under the thread sanitizer.
let isThreadSanitized = TestingCalls.isThreadSanitized
