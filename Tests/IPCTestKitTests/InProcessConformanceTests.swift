import ConformanceTransports
import IPCTestKit
import TestSupport
import Testing

/// The in-process pair keeps the contract.
@Suite(.serialized, .watched) struct InProcessConformanceTests {
    @Test(arguments: ConformanceSuite.cases(for: .inProcess()))
    func conforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    /// A pair without a buffer hands each message over from hand to hand.
    @Test(arguments: ConformanceSuite.cases(for: .inProcess(capacity: 0)))
    func conformsWithoutCapacity(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    /// Where there is no peer, what is promised of a queue holds.
    @Test(arguments: ConformanceSuite.cases(for: .queue))
    func queueConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }
}
