import IPCProcess
import IPCSync
import IPCSystem
import Testing

/// The helper program, which stands beside the test runner.
let helperPath: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)] + "/ipc-test-helper"
}()

/// The value of the helper program's scenarios: the type must have the same name and layout.
struct SyncPair: PlainData {
    var count = 0
    var double = 0
}

/// A folder of its own for `body`, removed with what is in it.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/ipc-sync-\(ProcessFacts.processID)-\(UInt64.random(in: 0 ... .max))"
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

/// A helper process that says what it does and does what it is told.
struct Peer: Sendable {
    let child: ChildProcess

    static func start(_ arguments: String..., environment: [String: String] = [:]) async throws -> Peer {
        let options = ChildProcess.Options(
            environment: .inherit.updating(environment.mapValues { $0 }), standardInput: .pipe, standardOutput: .pipe)
        return Peer(child: try await ChildProcess.spawn(.path(helperPath), arguments: arguments, options: options))
    }

    func line() async throws -> String {
        try #require(try await child.standardOutput.readLine(until: .after(.seconds(60))))
    }

    func go() async throws { try await child.standardInput.write("go\n") }
    func kill() async throws { _ = try await child.kill() }
}

/// The error that `body` throws.
func failure<Result: ~Copyable>(_ body: () async throws(IPCError) -> Result) async -> IPCError? {
    do throws(IPCError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Runs a scenario of the helper program to its end and expects that it found nothing wrong.
func expectScenario(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let output = try await Command(.path(helperPath), arguments: arguments).output(until: .after(.seconds(240)))
    #expect(output.status.isSuccess, "\(output.text)\(output.errorText)", sourceLocation: sourceLocation)
    return output.text
}
