import ConformanceTransports
import IPCTestKit
import Testing

/// The transports of the package keep the contract.
@Suite(.serialized) struct TransportConformanceTests {
    @Test(arguments: ConformanceSuite.cases(for: .pipeChannel))
    func pipeChannelConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeMessages))
    func pipeOfMessagesConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeOfManyWriters))
    func pipeOfManyWritersConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeBytes))
    func pipeOfBytesConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }

    @Test(arguments: ConformanceSuite.cases(for: .socketPair))
    func socketPairConforms(_ conformance: ConformanceCase) async throws {
        try await conformance.run()
    }
}
