import IPCWorkers
import TestSupport
import Testing

/// What the observer of a process is told (`EventScenarios` of the helper program, which is such a process).
@Suite(.watched) struct EventTests {
    @Test(arguments: ["events-channels", "events-children", "events-workers"])
    func eventsAreTold(_ scenario: String) async throws {
        let output = try await Command(.path(helperPath), scenario).output(until: .after(.seconds(240)))
        #expect(output.status.isSuccess, "\(output.text)\(output.errorText)")
    }
}
