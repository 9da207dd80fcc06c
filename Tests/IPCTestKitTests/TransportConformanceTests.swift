import ConformanceTransports
import IPCSystem
import IPCTestKit
import TestSupport
import Testing

/// The transports of the package keep the contract.
@Suite(.serialized, .watched) struct TransportConformanceTests {
    @Test(arguments: ConformanceSuite.cases(for: .pipeChannel))
    func pipeChannelConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeMessages))
    func pipeOfMessagesConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeOfManyWriters))
    func pipeOfManyWritersConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeBytes))
    func pipeOfBytesConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .namedPipes))
    func namedPipesConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .socketPair))
    func socketPairConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .packetPair))
    func packetPairConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .tcp))
    func tcpConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .datagramPair))
    func datagramPairConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .udp))
    func udpConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .losslessBroadcast))
    func losslessBroadcastConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .lossyBroadcast))
    func lossyBroadcastConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .ring))
    func ringConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .untrustedRing))
    func untrustedRingConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    /// A thousand queues at once need more than a user usually has.
    @Test(
        arguments: ConformanceSuite.cases(for: .posixQueue).filter {
            $0.topic != .manyChannels || TestingCalls.liftQueueByteLimit()
        })
    func posixQueueConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .systemVQueue))
    func systemVQueueConforms(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .sharedQueue))
    func sharedQueuesConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .sharedQueue))
    func sharedQueuesConformOnTheExecutor(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance, onExecutor: true)
    }

    @Test(arguments: ConformanceSuite.cases(for: .rendezvousQueue))
    func rendezvousQueuesConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .growingQueue))
    func growingQueuesConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .fileQueue))
    func queuesInFilesConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .workMailbox))
    func mailboxesOfSharedWorkConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .broadcastMailbox))
    func broadcastMailboxesConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .signals))
    func signalsConform(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance)
    }

    @Test(arguments: ConformanceSuite.cases(for: .signals))
    func signalsConformOnTheExecutor(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance, onExecutor: true)
    }

    @Test(arguments: ConformanceSuite.cases(for: .ring))
    func ringConformsOnTheExecutor(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance, onExecutor: true)
    }

    /// The same on the executor of the library, where a task resumes on the thread that saw its message.
    @Test(arguments: ConformanceSuite.cases(for: .socketPair))
    func socketPairConformsOnTheExecutor(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance, onExecutor: true)
    }

    @Test(arguments: ConformanceSuite.cases(for: .pipeChannel))
    func pipeChannelConformsOnTheExecutor(_ conformance: ConformanceCase) async throws {
        try await OwnProcess.run(conformance, onExecutor: true)
    }
}
