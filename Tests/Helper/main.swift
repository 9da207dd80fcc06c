// A program for tests to start: `ipc-test-helper SCENARIO ARGUMENTS…`. Each file beside this one adds its scenarios to
// the table. A scenario returns the exit code: 0 when everything it looked at was right, else it says what was not.

import Glibc

typealias Scenario = @Sendable ([String]) async throws -> Int32

let tables: [[String: Scenario]] = [
    processScenarios, endpointScenarios, workerScenarios, serverScenarios, supervisedScenarios, pipeScenarios,
    socketScenarios, reactorScenarios,
    socketFaultScenarios, eventScenarios, regionScenarios, regionFaultScenarios, participantScenarios, interopScenarios,
    syncObjectScenarios,
    boardScenarios, foundWriterScenarios,
    broadcastScenarios,
    ringScenarios, ringHostileScenarios,
    arenaScenarios,
    forkScenarios, syncScenarios, syncStormScenarios, holdScenarios, syncLimitScenarios, touchScenarios, awaitScenarios,
    takeScenarios,
    sharedQueueScenarios, mailboxScenarios, networkScenarios,
    queueScenarios,
    signalScenarios, signalChannelScenarios, signalHookScenarios,
]

// Tests of servers start this program as their workers.
try await serveAsServerWorker()

// Tests of the worker pool start this program as its workers.
if unsafe getenv("HELPER_SERVES_NOT") == nil { try await serveTasks() }

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
