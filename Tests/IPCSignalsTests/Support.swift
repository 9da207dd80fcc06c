import IPCProcess
import IPCSignals
import IPCSystem
import Testing

/// The folder of this package's programs.
let programFolder: String = {
    let runner = (try? FileCalls.destination(of: "/proc/self/exe")) ?? ""
    return String(runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)])
}()
let helperPath = programFolder + "/ipc-test-helper"

/// A limit for waits that must come to something.
var soon: Deadline { .after(.seconds(60)) }

/// The error that `body` throws.
func failure<Result>(_ body: () async throws -> Result) async -> IPCError? {
    do {
        _ = try await body()
        return nil
    } catch {
        let known = error as? IPCError
        #expect(known != nil, "another error than the library's: \(error)")
        return known
    }
}

/// Runs a scenario of the helper program to its end and expects that it found nothing wrong.
@discardableResult
func expectScenario(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let output = try await Command(.path(helperPath), arguments: arguments).output(until: .after(.seconds(240)))
    #expect(output.status.isSuccess, "\(output.text)\(output.errorText)", sourceLocation: sourceLocation)
    return output.text
}

/// A scenario that runs beside the test, line by line.
struct RunningScenario {
    let child: ChildProcess
    var lines: PipeLines.AsyncIterator

    /// Starts it and waits until it says that it is ready.
    static func with<Result>(
        _ arguments: String..., options: ChildProcess.Options = .init(),
        body: (inout RunningScenario) async throws -> Result
    ) async throws -> Result {
        var options = options
        options.standardOutput = .pipe
        return try await withChildProcess(.path(helperPath), arguments: arguments, options: options) { child in
            var scenario = RunningScenario(child: child, lines: try child.standardOutput.lines.makeAsyncIterator())
            let first = try await scenario.line()
            #expect(first == "ready \(child.processID)")
            return try await body(&scenario)
        }
    }

    mutating func line() async throws -> String? { try await lines.next() }
}

/// What only root may try: to become another user.
let asNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"]

/// Stops a child, and returns when it has stopped: until then it handles what it gets.
func stop(_ child: ChildProcess) async throws {
    try child.send(.stop)
    let status = "/proc/\(child.processID)/status"
    while !String(decoding: try TestingCalls.contents(of: status), as: UTF8.self).contains("T (stopped)") {
        try await Task.sleep(for: .milliseconds(1))
    }
}
