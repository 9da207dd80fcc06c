// A program for tests to start: `ipc-test-helper SCENARIO ARGUMENTS…`. Each file beside this one adds its scenarios to
// the table. A scenario returns the exit code: 0 when everything it looked at was right, else it says what was not.

typealias Scenario = @Sendable ([String]) async throws -> Int32

let tables: [[String: Scenario]] = [processScenarios, endpointScenarios, pipeScenarios]

let arguments = Array(CommandLine.arguments.dropFirst())
if let name = arguments.first, let scenario = tables.lazy.compactMap({ $0[name] }).first {
    do {
        exitNow(try await scenario(Array(arguments.dropFirst())))
    } catch {
        say("\(name): \(error)")
        exitNow(1)
    }
} else {
    say("unknown scenario \(arguments)")
    exitNow(2)
}
